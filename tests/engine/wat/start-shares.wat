;; Puts its function into an imported table, then traps: others may call it.
(module
  (import "m" "t" (table 1 funcref))
  (memory 1)
  (elem (i32.const 0) func $f)
  (func $f (result i32) (i32.load (i32.const 8)))
  (data (i32.const 8) "*")
  (func $start unreachable)
  (start $start))
