;; Imports a version that the host does not have.
(component
  (import "wasi:io/poll@0.7.0" (instance $c (export "pollable" (type (sub resource)))))
  (core module $M (func (export "run") (result i32) i32.const 0))
  (core instance $m (instantiate $M))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $i (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $i)))
