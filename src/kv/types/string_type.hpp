// Strings: bytes, or a number. SET is the commonest change of all, so changeEntry() calls this without a look at the table.
#pragma once

#include <string_view>

#include "kv/change.hpp"

namespace trefoil::kv {

// As ValueType::change.
Status changeString(EffectKind kind, EffectReader& reader, std::string_view key, Entry*& entry, const ChangeContext& context);

}  // namespace trefoil::kv
