;; A command around CRuby's library: what `ruby SCRIPT ARGUMENTS` does.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (import "ruby" "memory" (memory 0))
  (import "ruby" "_initialize" (func $initialize))
  (import "ruby" "cabi_realloc"
    (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()"
    (func $ruby_init (param i32 i32)))
  (import "ruby" "ruby-init-loadpath: func() -> ()" (func $init_loadpath))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $eval (param i32 i32) (result i32)))
  (data $option "-e_=0\00")
  (data $script
    "status = 0\n"
    "begin\n"
    "  load($0 = ARGV.shift)\n"
    "rescue SystemExit => e\n"
    "  status = e.status\n"
    "rescue Exception => e\n"
    "  $stderr.print e.full_message\n"
    "  status = 1\n"
    "end\n"
    "$stdout.flush\n"
    "exit!(status)\n")

  (func $alloc (param $size i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))

  (func $length (param $text i32) (result i32) (local $n i32)
    (loop $more
      (if (i32.load8_u (i32.add (local.get $text) (local.get $n)))
        (then (local.set $n (i32.add (local.get $n) (i32.const 1)))
              (br $more))))
    (local.get $n))

  ;; the n-th string of a list<string>
  (func $set (param $list i32) (param $n i32) (param $text i32) (param $len i32)
    (local.set $list
      (i32.add (local.get $list) (i32.shl (local.get $n) (i32.const 3))))
    (i32.store (local.get $list) (local.get $text))
    (i32.store offset=4 (local.get $list) (local.get $len)))

  ;; argv[0], then the option, then the others
  (func $init_ruby (local $sizes i32) (local $argv i32) (local $list i32)
      (local $argc i32) (local $i i32) (local $text i32)
    (local.set $sizes (call $alloc (i32.const 16)))
    (drop (call $args_sizes_get (local.get $sizes)
      (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $argc (i32.load (local.get $sizes)))
    (local.set $argv
      (call $alloc (i32.shl (local.get $argc) (i32.const 2))))
    (drop (call $args_get (local.get $argv)
      (call $alloc (i32.load offset=4 (local.get $sizes)))))
    (local.set $list (call $alloc
      (i32.shl (i32.add (local.get $argc) (i32.const 1)) (i32.const 3))))
    (loop $more
      (local.set $text (i32.load
        (i32.add (local.get $argv) (i32.shl (local.get $i) (i32.const 2)))))
      (call $set (local.get $list)
        (i32.add (local.get $i) (i32.ne (local.get $i) (i32.const 0)))
        (local.get $text) (call $length (local.get $text)))
      (br_if $more (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (local.get $argc))))
    (local.set $text (call $alloc (i32.const 6)))
    (memory.init $option (local.get $text) (i32.const 0) (i32.const 6))
    (call $set (local.get $list) (i32.const 1) (local.get $text) (i32.const 5))
    (call $ruby_init (local.get $list)
      (i32.add (local.get $argc) (i32.const 1))))

  (func (export "_start") (local $text i32)
    (call $initialize)
    (call $init_ruby)
    (call $init_loadpath)
    (local.set $text (call $alloc (i32.const 182)))
    (memory.init $script (local.get $text) (i32.const 0) (i32.const 182))
    (drop (call $eval (local.get $text) (i32.const 182)))))
