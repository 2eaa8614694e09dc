;; asks-handler.wat - imports what only another component has.
(component
  (import "wasi:http/handler@0.3.0" (instance (export "handle" (func))))
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance (export "wasi:cli/run@0.2.0") (export "run" (func $run))))
