;; A br_table whose ways need code of their own: to a loop's head, out of the
;; function with a value, and with a value that has to be moved.
(module
  (func (export "run") (result i32)
    (local $i i32) (local $sum i32)
    (i32.const 7)
    (loop $again (param i32) (result i32) ;; 1000 times
      (local.set $sum)
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (block $moved (result i32)
        (i32.mul (local.get $sum) (i32.const 3))
        (i32.add (local.get $sum) (local.get $i))
        (br_table $again $again $again $again $moved
          (select (i32.const 4)
            (i32.and (local.get $i) (i32.const 3))
            (i32.eq (local.get $i) (i32.const 1000)))))))
)
