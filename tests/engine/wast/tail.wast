;; Tail calls whose callee's frame is larger, smaller, or another instance's:
;; a million of them take no stack, and arguments that overlap their new places
;; arrive unharmed.
(module $even
  (func (export "grow") (param i64) (result i64)
    (return_call $eight (local.get 0) (i64.const 1) (i64.const 2)
      (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 0)))
  (func $eight (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (local i64 i64 i64 i64)
    (if (i64.eqz (local.get 0)) (then (return (local.get 7))))
    (local.set 11 (i64.add (local.get 7)
      (i64.add (local.get 1) (local.get 6))))
    (return_call $one (local.get 0) (local.get 11)))
  (func $one (param i64 i64) (result i64)
    (return_call $rotated (local.get 1) (local.get 0) (i64.const 1)
      (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)))
  (func $rotated (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (return_call $eight (i64.sub (local.get 1) (i64.const 1)) (local.get 2)
      (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7)
      (local.get 0)))
  (func (export "swap") (param i32 i32 i32) (result i32)
    (if (i32.eqz (local.get 2)) (then (return (local.get 0))))
    (return_call 4 (local.get 1) (local.get 0)
      (i32.sub (local.get 2) (i32.const 1))))
  (func (export "wide") (param v128 i32) (result i32)
    (if (i32.eqz (local.get 1))
      (then (return (i32x4.extract_lane 0 (local.get 0)))))
    (return_call 5 (i32x4.add (local.get 0) (v128.const i32x4 1 1 1 1))
      (i32.sub (local.get 1) (i32.const 1)))))
(assert_return (invoke "grow" (i64.const 300000)) (i64.const 2100000))
(assert_return (invoke "swap" (i32.const 1) (i32.const 2) (i32.const 1000001))
  (i32.const 2))
(assert_return
  (invoke "wide" (v128.const i32x4 5 0 0 0) (i32.const 1000000))
  (i32.const 1000005))

;; Between two instances, there and back, with different frames.
(module $a
  (type $f (func (param i32 i64) (result i64)))
  (table (export "t") 2 funcref)
  (elem (i32.const 0) func $pass)
  (func $pass (type $f)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $f)
      (i32.sub (local.get 0) (i32.const 1))
      (i64.add (local.get 1) (i64.const 1))
      (i32.const 1)))
  (export "pass" (func $pass)))
(register "a")
(module $b
  (type $f (func (param i32 i64) (result i64)))
  (import "a" "t" (table 2 funcref))
  (import "a" "pass" (func $pass (type $f)))
  (elem (i32.const 1) func $back)
  (func $back (type $f)
    (local i64 i64 i64 i64 i64 i64 i64 i64)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (local.set 9 (i64.add (local.get 1) (i64.const 10)))
    (return_call $pass (i32.sub (local.get 0) (i32.const 1)) (local.get 9)))
  (func (export "run") (param i32) (result i64)
    (i64.add (i64.const 1000000000)
      (call $pass (local.get 0) (i64.const 0)))))
(assert_return (invoke "run" (i32.const 1000001)) (i64.const 1005500001))
(assert_return (invoke $a "pass" (i32.const 3) (i64.const 0)) (i64.const 12))

;; A tail call leaves the handlers of its function.
(module
  (tag $e)
  (func $throw (throw $e))
  (func $inner
    (block $caught (try_table (catch $e $caught) (return_call $throw))))
  (func (export "outside") (result i32)
    (block $caught (try_table (catch $e $caught) (call $inner)) (return (i32.const 0)))
    (i32.const 1)))
(assert_return (invoke "outside") (i32.const 1))

;; Frames that grow without end.
(module
  (func $deep (export "deep") (param i32) (result i32)
    (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func $a (export "mutual") (result i32) (i32.add (call $b) (i32.const 1)))
  (func $b (result i32) (i32.add (call $a) (i32.const 1))))
(assert_exhaustion (invoke "deep" (i32.const 0)) "call stack exhausted")
(assert_exhaustion (invoke "mutual") "call stack exhausted")
