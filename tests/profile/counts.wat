;; Every instruction of it runs a number of times that can be told by hand; the
;; test does so.
(module
  (func $leaf (param $x i32) (result i32)
    local.get $x
    i32.const 3
    i32.and)
  (func (export "count") (result i32)
    (local $i i32) (local $sum i32)
    loop $again ;; 1000 times
      local.get $i
      i32.const 1
      i32.and
      if ;; every second time
        local.get $i
        call $leaf
        local.get $sum
        i32.add
        local.set $sum
      else
        nop
        local.get $sum
        i32.const 5
        i32.xor
        local.set $sum
      end
      block $out
        block $one
          local.get $i
          i32.const 3
          i32.and
          br_table $out $one $out ;; 1 of 4 goes to $one
        end
        nop
        nop
      end
      local.get $i
      i32.const 1
      i32.add
      local.tee $i
      i32.const 1000
      i32.lt_u
      br_if $again
    end
    local.get $sum))
