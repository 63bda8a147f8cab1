!> The tall QR kernel for x86-64-v4 (AVX-512).
module fitcore_fold_v4
  use fitcore_kinds, only: wp, ip, square_lo
  implicit none (type, external)
  private
  public :: fold_rows

  character(*), parameter :: variant = 'v4'

contains

  include 'fold_rows.inc'

end module fitcore_fold_v4
