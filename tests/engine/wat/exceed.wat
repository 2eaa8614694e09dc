;; Each export exceeds one limit.
(module
  (memory 4)
  (table 50 funcref)
  (type $list (struct (field (ref null $list))))
  (func $stack (export "stack") (result i32)
    (i32.add (call $stack) (i32.const 1)))
  (func (export "forever") (loop (br 0)))
  (tag $e)
  (func (export "catch") ;; the handler is the loop's head
    (loop $again (try_table (catch $e $again) (throw $e))))
  (func (export "rethrow")
    (loop $again (try_table (catch_all $again)
      (block $r (result exnref)
        (try_table (catch_all_ref $r) (throw $e)) unreachable)
      (throw_ref))))
  (func (export "heap")
    (local $l (ref null $list))
    (loop $more
      (local.set $l (struct.new $list (local.get $l)))
      (br $more)))
  (func (export "grow") (result i32) (memory.grow (i32.const 100)))
  (func (export "grow-table") (result i32)
    (table.grow (ref.null func) (i32.const 100)))
  ;; what only deterministic mode fixes: the bits of NaNs
  (func (export "nan") (result i32)
    (i32.reinterpret_f32
      (f32.sqrt (f32.reinterpret_i32 (i32.const 0x7fa01234)))))
  (func (export "nan64") (result i64)
    (i64.reinterpret_f64
      (f64.add (f64.reinterpret_i64 (i64.const 0xfff8000000004321))
               (f64.const 1))))
  (func (export "nan-lane") (result i32)
    (i32x4.extract_lane 1
      (f32x4.mul (v128.const i32x4 0 0xffc00777 0 0)
                 (v128.const f32x4 1 1 1 1))))
  ;; relaxed SIMD: the answers that the deterministic profile prescribes
  (func (export "swizzle") (result i32)
    (i8x16.extract_lane_u 0
      (i8x16.relaxed_swizzle
        (v128.const i8x16 7 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
        (v128.const i8x16 16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))))
  (func (export "trunc") (result i32)
    (i32x4.extract_lane 0
      (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan 1e30 0 0))))
  (func (export "madd") (result i32) ;; the product is rounded, too
    (i32x4.extract_lane 0
      (f32x4.relaxed_madd
        (v128.const f32x4 0x1.000002p+0 0 0 0)
        (v128.const f32x4 0x1.000002p+0 0 0 0)
        (v128.const f32x4 -0x1.000004p+0 0 0 0))))
  (func (export "laneselect") (result i32)
    (i32x4.extract_lane 0
      (i32x4.relaxed_laneselect
        (v128.const i32x4 0xf0f0f0f0 0 0 0) (v128.const i32x4 0x0f0f0f0f 0 0 0)
        (v128.const i32x4 0xff00ff00 0 0 0))))
  (func (export "min") (result i32)
    (i32x4.extract_lane 0
      (f32x4.relaxed_min (v128.const i32x4 0x80000000 0 0 0)
                         (v128.const i32x4 0 0 0 0)))))
