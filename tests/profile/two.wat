;; A component of two core instances: main calls helper, which takes the time,
;; or traps.
(component
  (core module $h (@name "helper")
    (memory 1)
    (func $work (export "work") (param $n i32) (result i32)
      (local $x i32)
      (if (i32.eqz (local.get $n)) (then unreachable))
      loop $l
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525))
                               (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $l (local.get $n))
      end
      local.get $x))
  (core module $m (@name "main")
    (import "h" "work" (func $work (param i32) (result i32)))
    (memory 1)
    (global (mut i32) (i32.const 5))
    (func $entry (export "run") (param i32) (result i32)
      (call $work (local.get 0))))
  (core instance $hi (instantiate $h))
  (core instance $mi (instantiate $m (with "h" (instance $hi))))
  (func (export "run") (param "n" u32) (result u32)
    (canon lift (core func $mi "run"))))
