;; Ways from function to function other than calls and returns.
(module
  (tag $t (param i32))
  (func $turn (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (return_call $turn (i32.sub (local.get $n) (i32.const 1))))
      (else (i32.const 7))))
  (func (export "tail") (result i32)
    (call $turn (i32.const 20000000)))
  (func $thrower (param $i i32) (result i32)
    block $caught (result i32)
      (try_table (catch $t $caught) (throw $t (local.get $i)))
      unreachable
    end)
  (func (export "throws") (result i32)
    (local $i i32)
    loop $again
      (drop (call $thrower (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 2000000)))
    end
    local.get $i))
