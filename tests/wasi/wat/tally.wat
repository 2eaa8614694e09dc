;; tally.wat - takes a counter from one interface of counters.wat to the other:
;; both have to be of one instance.
(component
  (import "vyoma:test/counters@1.0.0" (instance $counters
    (export "counter" (type $counter (sub resource)))
    (export "[constructor]counter"
      (func (param "start" u32) (result (own $counter))))))
  (alias export $counters "counter" (type $counter))
  (import "vyoma:test/tally@1.0.0" (instance $tally
    (export "counter" (type $same (eq $counter)))
    (export "up" (func (param "self" (borrow $same)) (result u32)))
    (export "dropped" (func (result u32)))))
  (core func $make (canon lower (func $counters "[constructor]counter")))
  (core func $up (canon lower (func $tally "up")))
  (core func $dropped (canon lower (func $tally "dropped")))
  (core func $drop (canon resource.drop $counter))
  (core module $m
    (import "" "make" (func $make (param i32) (result i32)))
    (import "" "up" (func $up (param i32) (result i32)))
    (import "" "dropped" (func $dropped (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "go") (param i32) (result i32) (local $c i32) (local $n i32)
      (local.set $c (call $make (local.get 0)))
      (local.set $n (call $up (local.get $c)))
      (call $drop (local.get $c))
      (i32.add (i32.mul (local.get $n) (i32.const 1000)) (call $dropped))))
  (core instance $i (instantiate $m (with "" (instance
    (export "make" (func $make)) (export "up" (func $up))
    (export "dropped" (func $dropped)) (export "drop" (func $drop))))))
  (func (export "go") (param "n" u32) (result u32)
    (canon lift (core func $i "go"))))
