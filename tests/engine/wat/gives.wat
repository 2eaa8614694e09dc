;; Exports what wants.wat imports.
(module
  (func (export "f") (result i32) (i32.const 5))
  (table (export "t") 1 funcref)
  (memory (export "m") 1)
  (global (export "g") i32 (i32.const 6))
  (tag (export "e") (param i32)))
