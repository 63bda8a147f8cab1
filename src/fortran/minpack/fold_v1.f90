!> The tall QR kernel for any processor.
module fitcore_fold_v1
  use fitcore_kinds, only: wp, ip, square_lo
  implicit none (type, external)
  private
  public :: fold_rows

  character(*), parameter :: variant = 'v1'

contains

  include 'fold_rows.inc'

end module fitcore_fold_v1
