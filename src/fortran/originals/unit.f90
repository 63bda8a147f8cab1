! The original L-BFGS-B prints to unit 6, whose buffer is Fortran's own.
subroutine fitcore_originals_flush() bind(c)
  use, intrinsic :: iso_fortran_env, only: output_unit
  implicit none (type, external)
  flush (output_unit)
end subroutine fitcore_originals_flush
