;; The component that component.c loads: asks the host to log the name it gets,
;; and answers a greeting.  In WIT:
;;
;;     import example:greeter/host;   // log: func(text: string)
;;     export greet: func(name: string) -> string;
(component
  (import "example:greeter/host" (instance $host
    (export "log" (func (param "text" string)))))
  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.and (i32.const -8)
        (i32.add (i32.const 7) (i32.add (local.get $at) (local.get 3)))))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $log (canon lower (func $host "log") (memory $memory)))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32)))
    (data (i32.const 0) "hello, ")
    (func (export "greet") (param i32 i32) (result i32)
      (call $log (local.get 0) (local.get 1))
      (memory.copy (i32.const 7) (local.get 0) (local.get 1))
      (i32.store (i32.const 512) (i32.const 0))
      (i32.store (i32.const 516) (i32.add (local.get 1) (i32.const 7)))
      (i32.const 512)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "log" (func $log))))))
  (func (export "greet") (param "name" string) (result string)
    (canon lift (core func $main "greet") (memory $memory)
      (realloc $realloc))))
