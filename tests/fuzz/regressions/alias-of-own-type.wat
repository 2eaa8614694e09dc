;; An outer alias of the component itself, at the moment when its index space
;; of types has to grow: the aliased type was read after it had moved.
(component $self
  (type (list u8)) (type (list u8)) (type (list u8)) (type (list u8))
  (type (list u8)) (type (list u8)) (type (list u8)) (type (list u8))
  (alias outer $self 7 (type))
  (alias outer $self 8 (type)))
