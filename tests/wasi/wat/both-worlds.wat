;; both-worlds.wat - a command for 0.2 and 0.3: the 0.3 one runs, which
;; succeeds, as the other does not.
(component
  (core module $m
    (func (export "ok") (result i32) (i32.const 0))
    (func (export "err") (result i32) (i32.const 1)))
  (core instance $i (instantiate $m))
  (func $old (result (result)) (canon lift (core func $i "err")))
  (func $new (result (result)) (canon lift (core func $i "ok")))
  (instance (export "wasi:cli/run@0.2.6") (export "run" (func $old)))
  (instance (export "wasi:cli/run@0.3.0") (export "run" (func $new))))
