;; Three core instances.
(component
  (core module $m (func (export "f") (result i32) (i32.const 3)))
  (core instance (instantiate $m))
  (core instance (instantiate $m))
  (core instance $c (instantiate $m))
  (func (export "f") (result s32) (canon lift (core func $c "f"))))
