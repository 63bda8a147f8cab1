!> The kernels of L-BFGS-B for any processor.
module fitcore_lb_kernels_v1
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: products, combine

  character(*), parameter :: variant = 'v1'

contains

  include 'products.inc'

end module fitcore_lb_kernels_v1
