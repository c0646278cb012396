#include "base/status.hpp"

namespace trefoil {

Error* ErrorPointer::make(Error&& error) {
  return new Error(std::move(error));
}

void ErrorPointer::drop(Error* error) noexcept {
  delete error;
}

}  // namespace trefoil
