;; counters.wat - a resource in one interface, and another that uses it; each
;; dropped counter is remembered.
(component
  (core module $m
    (global $dropped (mut i32) (i32.const 0))
    (func (export "drop") (param i32)
      (global.set $dropped (i32.add (global.get $dropped) (local.get 0))))
    (func (export "up") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const 1)))
    (func (export "dropped") (result i32) (global.get $dropped)))
  (core instance $i (instantiate $m))
  (type $counter' (resource (rep i32) (dtor (core func $i "drop"))))
  (core func $new (canon resource.new $counter'))
  (func $make (param "start" u32) (result (own $counter'))
    (canon lift (core func $new)))
  (func $up (param "self" (borrow $counter')) (result u32)
    (canon lift (core func $i "up")))
  (func $dropped (result u32) (canon lift (core func $i "dropped")))

  (component $interface
    (import "counter" (type $imported (sub resource)))
    (import "make" (func $make (param "start" u32) (result (own $imported))))
    (export $counter "counter" (type $imported))
    (export "[constructor]counter" (func $make)
      (func (param "start" u32) (result (own $counter)))))
  (instance $counters (instantiate $interface
    (with "counter" (type $counter')) (with "make" (func $make))))
  (export $exported "vyoma:test/counters@1.0.0" (instance $counters))
  (alias export $exported "counter" (type $counter))

  (component $using
    (import "counter" (type $counter (sub resource)))
    (import "up" (func $up (param "self" (borrow $counter)) (result u32)))
    (import "dropped" (func $dropped (result u32)))
    (export "counter" (type $counter))
    (export "up" (func $up))
    (export "dropped" (func $dropped)))
  (instance $tally (instantiate $using
    (with "counter" (type $counter)) (with "up" (func $up))
    (with "dropped" (func $dropped))))
  (export "vyoma:test/tally@1.0.0" (instance $tally)))
