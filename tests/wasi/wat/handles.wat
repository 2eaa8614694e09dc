;; handles.wat - makes pollables without end and keeps them all.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $inner (eq $outer)))
    (type $own (own $inner))
    (export "subscribe-duration" (func (param "when" u64) (result $own)))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "run") (result i32)
      (loop $again
        (drop (call $subscribe (i64.const 1)))
        (br $again))
      unreachable))
  (core instance $i (instantiate $m
    (with "host" (instance (export "subscribe" (func $subscribe))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance (export "wasi:cli/run@0.2.0") (export "run" (func $run))))
