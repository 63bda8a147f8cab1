!> The tall QR kernel for x86-64-v3 (AVX2 and FMA).
module fitcore_fold_v3
  use fitcore_kinds, only: wp, ip, square_lo
  implicit none (type, external)
  private
  public :: fold_rows

  character(*), parameter :: variant = 'v3'

contains

  include 'fold_rows.inc'

end module fitcore_fold_v3
