;; Calls that stop and go on: values of all types are alive across each stop.
(module
  (import "host" "wait" (func $wait (param i32) (result i32)))
  (import "host" "again" (func $again (param i32) (result i32)))
  (type $i-i (func (param i32) (result i32)))
  (table funcref (elem $wait $deep))
  (global $count (export "count") (mut i64) (i64.const 0))

  (func (export "mixed") (param i32 i64 f32 f64 v128) (result f64)
    (local $sum f64) (local $n i32)
    (loop $more
      (local.set $sum
        (f64.add
          (f64.add (local.get $sum) (local.get 3))
          (f64.add
            (f64.convert_i32_s
              (i32.add (i32.mul (local.get 0) (local.get $n))
                       (call $wait (local.get $n))))
            (f64.add (f64.convert_i64_s (local.get 1))
                     (f64.promote_f32 (local.get 2))))))
      (local.set $sum
        (f64.add (local.get $sum)
          (f64.convert_i32_s (i32x4.extract_lane 3 (local.get 4)))))
      (br_if $more
        (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                  (i32.const 5))))
    (local.get $sum))
  (func $deep (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1)
              (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (call $wait (i32.const 7)))))
  (export "deep" (func $deep))
  (func (export "indirect") (param i32 i32) (result i32)
    (i32.add (i32.const 100)
      (call_indirect (type $i-i) (local.get 1) (local.get 0))))
  (func (export "tail") (param i32) (result i32)
    (return_call $wait (local.get 0)))
  (func (export "tail-indirect") (param i32) (result i32)
    (return_call_indirect (type $i-i) (local.get 0) (i32.const 0)))
  ;; host -> guest -> host
  (func (export "recurse") (param i32) (result i32)
    (i32.add (i32.const 1) (call $again (local.get 0))))

  (func (export "count-to") (param i64) (result i64)
    (loop $more
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (br_if $more (i64.lt_u (global.get $count) (local.get 0))))
    (global.get $count))
  (func (export "forever") (loop $more
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (br $more)))
  (func $endless (export "endless") (result i32)
    (i32.add (i32.const 1) (call $endless)))
  (func $many (export "many") (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.add (local.get 7)
      (call $many (local.get 0) (local.get 1) (local.get 2) (local.get 3)
                  (local.get 4) (local.get 5) (local.get 6)
                  (i64.add (local.get 7) (i64.const 1))))))
