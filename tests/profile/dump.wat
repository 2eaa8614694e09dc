;; A trap with known locals, globals and memory, through two functions: locals
;; that are used in loops are kept in registers, others are not.
(module $dumped
  (memory (export "memory") 2 5)
  (data (i32.const 65600) "core dump")
  (global $a (mut i32) (i32.const -7))
  (global $b (mut i64) (i64.const 0x123456789abcdef))
  (global $c f32 (f32.const 1.5))
  (global $d (mut f64) (f64.const -2.25))
  (global $e (mut funcref) (ref.null func))
  (func $inner (param $x i32) (param $y i64) (param $z f64)
    (local $i i32) (local $j i32) (local $w f64) (local $v v128) (local $f f32)
    (local.set $f (f32.const 0.5))
    (local.set $w (f64.const 100))
    (local.set $v (v128.const i64x2 1 2))
    loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (local.set $j (i32.add (local.get $j) (local.get $i)))
      (local.set $w (f64.add (local.get $w) (f64.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 10)))
    end
    (i32.store (i32.const 131070) (local.get $j))) ;; out of bounds
  (func $outer (export "go")
    (local $k i32) (local $n i64)
    (local.set $n (i64.const 77))
    loop $l
      (local.set $k (i32.add (local.get $k) (i32.const 2)))
      (br_if $l (i32.lt_u (local.get $k) (i32.const 20)))
    end
    (global.set $a (i32.const 42))
    (i32.store8 (i32.const 9) (i32.const 255))
    (call $inner (i32.const 11) (i64.const -12) (f64.const 13.5))))
