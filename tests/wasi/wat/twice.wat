;; twice.wat - imports what next.wat exports.
(component
  (import "vyoma:test/counting@1.0.0" (instance $counting
    (export "next" (func (param "n" u32) (result u32)))))
  (core func $next (canon lower (func $counting "next")))
  (core module $m
    (import "counting" "next" (func $next (param i32) (result i32)))
    (func (export "twice") (param i32) (result i32)
      (call $next (call $next (local.get 0)))))
  (core instance $i (instantiate $m
    (with "counting" (instance (export "next" (func $next))))))
  (func (export "twice") (param "n" u32) (result u32)
    (canon lift (core func $i "twice"))))
