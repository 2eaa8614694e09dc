;; Locals that are written while an older value of them waits to be used: the
;; compiler keeps operands where they are, so a write has to save them first.
(module
  (func (export "set") (param i32) (result i32)
    local.get 0
    (local.set 0 (i32.const 100))
    local.get 0
    i32.sub)
  (func (export "tee") (param i32) (result i32)
    local.get 0
    (local.tee 0 (i32.add (local.get 0) (i32.const 5)))
    i32.mul)
  (func (export "twice") (param i64) (result i64)
    local.get 0
    local.get 0
    (local.set 0 (i64.const 1))
    local.get 0
    (local.set 0 (i64.const 2))
    local.get 0
    i64.sub
    i64.add
    i64.mul)
  (func (export "swap") (param f64 f64) (result f64)
    (local.get 0) (local.get 1) (local.set 0) (local.set 1)
    (f64.sub (local.get 0) (local.get 1)))
  (func (export "rotate") (param i32 i32 i32) (result i32 i32 i32)
    (local $n i32)
    (loop $more
      (local.get 1) (local.get 2) (local.get 0)
      (local.set 2) (local.set 1) (local.set 0)
      (br_if $more (i32.lt_u
        (local.tee $n (i32.add (local.get $n) (i32.const 1)))
        (i32.const 4))))
    (local.get 0) (local.get 1) (local.get 2))
  ;; the old value crosses a block, a branch and a call
  (func $set-global (param i32) (global.set $g (local.get 0)))
  (global $g (mut i32) (i32.const 3))
  (func (export "block") (param i32) (result i32)
    local.get 0
    (block
      (br_if 0 (i32.eqz (local.get 0)))
      (local.set 0 (i32.const 50)))
    (local.get 0)
    i32.sub)
  (func (export "if") (param i32 i32) (result i32)
    local.get 0
    (if (local.get 1)
      (then (local.set 0 (i32.const 9)))
      (else (local.set 0 (i32.const 11))))
    local.get 0
    i32.sub)
  (func (export "loop") (param i32) (result i32)
    local.get 0
    (loop $more
      (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    local.get 0
    i32.sub)
  (func (export "global") (result i32)
    global.get $g
    (call $set-global (i32.const 8))
    global.get $g
    i32.sub)
  (func (export "v128") (param v128) (result i32)
    local.get 0
    (local.set 0 (v128.const i32x4 10 20 30 40))
    (i32x4.extract_lane 2 (i32x4.sub (local.get 0))))
  (func (export "ref") (param externref) (result externref externref)
    local.get 0
    (local.set 0 (ref.null extern))
    local.get 0)
  (func (export "select") (param i32 i32) (result i32)
    local.get 0
    (local.set 0 (i32.const 77))
    local.get 0
    local.get 1
    select)
  (func (export "br_table") (param i32) (result i32)
    (block $out (result i32)
      (block $one (result i32)
        local.get 0
        (local.set 0 (i32.add (local.get 0) (i32.const 10)))
        (br_table $one $out (i32.sub (local.get 0) (i32.const 10))))
      (i32.add (local.get 0)))))

(assert_return (invoke "set" (i32.const 7)) (i32.const -93))
(assert_return (invoke "tee" (i32.const 7)) (i32.const 84))
(assert_return (invoke "twice" (i64.const 9)) (i64.const 72))
(assert_return (invoke "swap" (f64.const 1) (f64.const 4)) (f64.const 3))
(assert_return (invoke "rotate" (i32.const 1) (i32.const 2) (i32.const 3))
  (i32.const 2) (i32.const 3) (i32.const 1))
(assert_return (invoke "block" (i32.const 60)) (i32.const 10))
(assert_return (invoke "block" (i32.const 0)) (i32.const 0))
(assert_return (invoke "if" (i32.const 20) (i32.const 1)) (i32.const 11))
(assert_return (invoke "if" (i32.const 20) (i32.const 0)) (i32.const 9))
(assert_return (invoke "loop" (i32.const 6)) (i32.const 6))
(assert_return (invoke "global") (i32.const -5))
(assert_return (invoke "v128" (v128.const i32x4 1 2 3 4)) (i32.const -27))
(assert_return (invoke "ref" (ref.extern 4)) (ref.extern 4) (ref.null extern))
(assert_return (invoke "select" (i32.const 5) (i32.const 1)) (i32.const 5))
(assert_return (invoke "select" (i32.const 5) (i32.const 0)) (i32.const 77))
(assert_return (invoke "br_table" (i32.const 0)) (i32.const 10))
(assert_return (invoke "br_table" (i32.const 1)) (i32.const 1))

;; A local without a default is set before it is read, on every way.
(module
  (type $f (func (result i32)))
  (func $five (result i32) (i32.const 5))
  (elem declare func $five)
  (func (export "set-first") (result i32)
    (local $f (ref $f))
    (local.set $f (ref.func $five))
    (loop (result i32) (call_ref $f (local.get $f)))))
(assert_return (invoke "set-first") (i32.const 5))
(assert_invalid
  (module (type $f (func)) (func (local $f (ref $f)) (drop (local.get $f))))
  "uninitialized local")
(assert_invalid
  (module (type $f (func)) (func $g) (elem declare func $g)
    (func (param i32) (local $f (ref $f))
      (if (local.get 0) (then (local.set $f (ref.func $g))))
      (drop (local.get $f))))
  "uninitialized local")
(assert_invalid
  (module (type $f (func)) (func $g) (elem declare func $g)
    (func (local $f (ref $f))
      (block (local.set $f (ref.func $g)))
      (drop (local.get $f))))
  "uninitialized local")
(assert_invalid
  (module (type $f (func)) (tag $e) (func $g) (elem declare func $g)
    (func (local $f (ref $f))
      (block $h
        (try_table (catch $e $h) (local.set $f (ref.func $g))))
      (drop (local.get $f))))
  "uninitialized local")
