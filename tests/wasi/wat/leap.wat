;; leap.wat - imports what next.wat exports, and exports an interface itself.
(component
  (import "vyoma:test/counting@1.0.0" (instance $counting
    (export "next" (func (param "n" u32) (result u32)))))
  (core func $next (canon lower (func $counting "next")))
  (core module $m
    (import "counting" "next" (func $next (param i32) (result i32)))
    (func (export "leap") (param i32) (result i32)
      (i32.mul (call $next (local.get 0)) (i32.const 10))))
  (core instance $i (instantiate $m
    (with "counting" (instance (export "next" (func $next))))))
  (func $leap (param "n" u32) (result u32) (canon lift (core func $i "leap")))
  (instance (export "vyoma:test/leaping@1.0.0")
    (export "leap" (func $leap))))
