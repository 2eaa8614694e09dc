;; Imports one of everything.
(module
  (import "m" "f" (func $f (result i32)))
  (import "m" "t" (table 1 funcref))
  (import "m" "m" (memory 1))
  (import "m" "g" (global i32))
  (import "m" "e" (tag (param i32)))
  (func (export "call") (result i32) (call $f)))
