;; chain.wat - the end of a chain: imports from leap.wat and from next.wat.
(component
  (import "vyoma:test/leaping@1.0.0" (instance $leaping
    (export "leap" (func (param "n" u32) (result u32)))))
  (import "vyoma:test/counting@1.0.0" (instance $counting
    (export "next" (func (param "n" u32) (result u32)))))
  (core func $leap (canon lower (func $leaping "leap")))
  (core func $next (canon lower (func $counting "next")))
  (core module $m
    (import "" "leap" (func $leap (param i32) (result i32)))
    (import "" "next" (func $next (param i32) (result i32)))
    (func (export "go") (param i32) (result i32)
      (call $leap (call $next (local.get 0)))))
  (core instance $i (instantiate $m (with "" (instance
    (export "leap" (func $leap)) (export "next" (func $next))))))
  (func (export "go") (param "n" u32) (result u32)
    (canon lift (core func $i "go"))))
