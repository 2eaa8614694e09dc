;; Of wasi:clocks only a type of values is wanted, which needs no grant.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $c (type $d u64) (export "duration" (type (eq $d)))))
  (core module $M (func (export "run") (result i32) i32.const 0))
  (core instance $m (instantiate $M))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $i (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $i)))
