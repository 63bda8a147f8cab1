!> The kernels of L-BFGS-B for any processor.
module fitcore_lb_kernels_v1
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: products, combine, look, land

  character(*), parameter :: variant = 'v1'

contains

  include 'kernels.inc'

end module fitcore_lb_kernels_v1
