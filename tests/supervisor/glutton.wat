;; Grows its memory until it gets no more, writes to all of it, and traps.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core module $M
    (import "" "now" (func $now (result i64)))
    (memory 1)
    (func (export "run") (result i32)
      (local $at i32)
      (loop $more
        (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (loop $write
        (i32.store (local.get $at) (i32.const -1))
        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
        (br_if $write (i32.lt_u (local.get $at)
          (i32.mul (memory.size) (i32.const 65536)))))
      (drop (call $now))
      (unreachable)))
  (core instance $m (instantiate $M (with "" (instance
    (export "now" (func $now))))))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $i (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $i)))
