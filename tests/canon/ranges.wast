;; Strings and lists of numbers on the short way between components
;; (vm/cm_direct.c): what the callee gets, and what goes wrong on either side.
(component definition $C
  (component $Callee
    (core module $Core
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 1024))
      (global $answer (export "answer") (mut i32) (i32.const 0))
      ;; as asked for, or what `answer` says
      (func (export "realloc") (param i32 i32) (param $align i32)
          (param $size i32) (result i32)
        (if (i32.eq (global.get $answer) (i32.const -1)) (then (unreachable)))
        (if (global.get $answer) (then (return (global.get $answer))))
        (global.set $next (i32.and
          (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get $size))))
      (func (export "set-answer") (param i32)
        (global.set $answer (local.get 0)))
      ;; ends of the text and the length of the list, and its last number
      (func (export "take") (param $text i32) (param $n i32) (param $list i32)
          (param $m i32) (result i64)
        (i64.or
          (i64.shl (i64.extend_i32_u (i32.or
              (i32.load8_u (local.get $text))
              (i32.shl (i32.load8_u (i32.sub
                (i32.add (local.get $text) (local.get $n)) (i32.const 1)))
                (i32.const 8))))
            (i64.const 32))
          (i64.extend_i32_u (i32.add (i32.mul (local.get $m) (i32.const 1000))
            (i32.load16_u (i32.sub
              (i32.add (local.get $list)
                (i32.mul (local.get $m) (i32.const 2))) (i32.const 2))))))))
    (core instance $core (instantiate $Core))
    (func (export "set-answer") (param "a" u32)
      (canon lift (core func $core "set-answer")))
    (func (export "take") (param "text" string) (param "list" (list u16))
      (result u64)
      (canon lift (core func $core "take") (memory $core "memory")
        (realloc (func $core "realloc")))))
  (instance $callee (instantiate $Callee))
  (component $Caller
    (import "callee" (instance $callee
      (export "take" (func (param "text" string) (param "list" (list u16))
        (result u64)))))
    (core module $Libc (memory (export "memory") 1)
      (data (i32.const 16) "h\c3\a9llo")
      (data (i32.const 32) "\01\00\02\00\07\00"))
    (core instance $libc (instantiate $Libc))
    (core func $take (canon lower (func $callee "take")
      (memory $libc "memory")))
    (core module $Core
      (import "" "take" (func $take (param i32 i32 i32 i32) (result i64)))
      (func (export "go") (param i32 i32 i32 i32) (result i64)
        (call $take (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
    (core instance $core (instantiate $Core (with "" (instance
      (export "take" (func $take))))))
    (func (export "go") (param "a" u32) (param "b" u32) (param "c" u32)
      (param "d" u32) (result u64) (canon lift (core func $core "go"))))
  (instance $caller (instantiate $Caller (with "callee" (instance $callee))))
  (func (export "go") (alias export $caller "go"))
  (func (export "set-answer") (alias export $callee "set-answer")))

;; 'h' and 'o', three numbers of which the last is 7
(component instance $c $C)
(assert_return (invoke "go" (u32.const 16) (u32.const 6) (u32.const 32)
  (u32.const 3)) (u64.const 0x6f6800000bbf))
;; up to the end of the memory
(assert_return (invoke "go" (u32.const 16) (u32.const 1) (u32.const 65534)
  (u32.const 1)) (u64.const 0x6868000003e8))
(assert_trap (invoke "go" (u32.const 16) (u32.const 2) (u32.const 32)
  (u32.const 3)) "invalid utf-8")
(component instance $c $C)
(assert_trap (invoke "go" (u32.const 65535) (u32.const 2) (u32.const 32)
  (u32.const 3)) "out of bounds of memory")
(component instance $c $C)
(assert_trap (invoke "go" (u32.const 16) (u32.const 0xffffffff) (u32.const 32)
  (u32.const 3)) "out of bounds of memory")
(component instance $c $C)
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 33)
  (u32.const 3)) "unaligned pointer of a list")
(component instance $c $C)
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 65534)
  (u32.const 2)) "list content out-of-bounds")
(component instance $c $C)
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 32)
  (u32.const 0x80000003)) "list content out-of-bounds")
;; realloc gives too little room
(component instance $c $C)
(assert_return (invoke "set-answer" (u32.const 65533)))
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 32)
  (u32.const 3)) "realloc return: beyond end of memory")
(assert_trap (invoke "set-answer" (u32.const 0))
  "cannot enter component instance")
;; ... what is not aligned, for the list
(component instance $c $C)
(assert_return (invoke "set-answer" (u32.const 1025)))
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 32)
  (u32.const 3)) "realloc return: result not aligned")
;; ... nothing
(component instance $c $C)
(assert_return (invoke "set-answer" (u32.const 0xffffffff)))
(assert_trap (invoke "go" (u32.const 16) (u32.const 6) (u32.const 32)
  (u32.const 3)) "unreachable")
