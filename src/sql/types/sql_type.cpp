#include "sql/types/sql_type.hpp"

#include <algorithm>

namespace trefoil::sql {
namespace {

constexpr std::int64_t kMaxVarcharLength = 10'485'760;
constexpr std::int64_t kMaxVectorDimension = 16'000;

// Names that types.def does not have: what people write.
struct Spelling {
  std::string_view name;
  TypeId type;
};
constexpr Spelling kSpellings[] = {
    {"int", TypeId::kInteger},
    {"double", TypeId::kDouble},
    {"float", TypeId::kDouble},
    {"blob", TypeId::kBytea},
};

constexpr std::size_t kTypes = std::size(kTypeInfos);

// castContext of each pair.
class CastTable {
 public:
  constexpr CastTable() {
    for (std::size_t from = 0; from < kTypes; ++from) {
      for (std::size_t to = 1; to < kTypes; ++to) {
        contexts_[from][to] = from == 0 || from == to            ? CastContext::kImplicit
                              : kTypeInfos[to].category == 'S'   ? CastContext::kAssignment
                              : kTypeInfos[from].category == 'S' ? CastContext::kExplicit
                                                                 : CastContext::kNone;
      }
    }
#define CAST(from, to, context) \
  contexts_[static_cast<std::size_t>(TypeId::from)][static_cast<std::size_t>(TypeId::to)] = CastContext::context;
#include "sql/types/casts.def"
#undef CAST
  }
  [[nodiscard]] constexpr CastContext at(TypeId from, TypeId to) const {
    return contexts_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  }

 private:
  CastContext contexts_[kTypes][kTypes] = {};
};
constexpr CastTable kCasts;

std::optional<TypeId> findName(std::string_view name) {
  for (std::size_t i = 1; i < kTypes; ++i) {
    if (kTypeInfos[i].name == name || kTypeInfos[i].short_name == name) {
      return static_cast<TypeId>(i);
    }
  }
  const auto* const found =
      std::find_if(std::begin(kSpellings), std::end(kSpellings), [&](const Spelling& spelling) { return spelling.name == name; });
  return found == std::end(kSpellings) ? std::nullopt : std::optional<TypeId>(found->type);
}

Error badModifier(std::string message) {
  return Error(ErrorCode::kInvalid, std::move(message));
}

// FLOAT(p): p binary digits.
Result<SqlType> floatOfPrecision(std::int64_t digits) {
  if (digits < 1) {
    return badModifier("precision for type float must be at least 1 bit");
  }
  if (digits > 53) {
    return badModifier("precision for type float must be less than 54 bits");
  }
  return digits <= 24 ? SqlType::real() : SqlType::doublePrecision();
}

Result<SqlType> withLength(TypeId id, std::int64_t length) {
  const bool is_vector = id == TypeId::kVector;
  const std::string what = is_vector ? "dimensions for type vector" : "length for type varchar";
  const std::int64_t most = is_vector ? kMaxVectorDimension : kMaxVarcharLength;
  if (length < 1) {
    return badModifier(what + " must be at least 1");
  }
  if (length > most) {
    return badModifier(what + " cannot exceed " + std::to_string(most));
  }
  return SqlType{id, static_cast<std::uint32_t>(length)};
}

bool isTimestamp(TypeId id) {
  return id == TypeId::kTimestamp || id == TypeId::kTimestamptz;
}

}  // namespace

std::string sqlTypeName(const SqlType& type) {
  const std::string name(type.info().name);
  return type.modifier == 0 ? name : name + "(" + std::to_string(type.modifier) + ")";
}

Result<SqlType> resolveTypeName(std::string_view name, std::span<const std::int64_t> modifiers) {
  const std::optional<TypeId> id = findName(name);
  if (!id) {
    return Error(ErrorCode::kUndefinedObject, "type \"" + std::string(name) + "\" does not exist");
  }
  if (modifiers.empty()) {
    return SqlType{*id};
  }
  if (name == "float" && modifiers.size() == 1) {
    return floatOfPrecision(modifiers.front());
  }
  if ((*id != TypeId::kVarchar && *id != TypeId::kVector) || modifiers.size() > 1) {
    return badModifier("type modifier is not allowed for type \"" + std::string(name) + "\"");
  }
  return withLength(*id, modifiers.front());
}

std::optional<TypeId> typeOfOid(std::uint32_t oid) {
  for (std::size_t i = 1; i < kTypes; ++i) {
    if (kTypeInfos[i].oid == oid) {
      return static_cast<TypeId>(i);
    }
  }
  return std::nullopt;
}

bool isComparable(const SqlType& type) {
  return !type.is(TypeId::kJson);
}

CastContext castContext(const SqlType& from, const SqlType& to) {
  return kCasts.at(from.id, to.id);
}

bool isBinaryCoercible(const SqlType& from, const SqlType& to) {
  if (from.id == to.id || (from.isString() && to.isString()) || (from.is(TypeId::kJson) && to.isString())) {
    return true;
  }
  if (from.isInteger() && to.isInteger()) {
    return castContext(from, to) == CastContext::kImplicit;
  }
  return (from.is(TypeId::kReal) && to.is(TypeId::kDouble)) || (isTimestamp(from.id) && isTimestamp(to.id));
}

bool comparesAsIs(const SqlType& a, const SqlType& b) {
  return a.id == b.id || (a.isInteger() && b.isInteger()) || (a.isFloat() && b.isFloat()) || (a.isString() && b.isString());
}

std::optional<SqlType> commonType(std::span<const SqlType> types) {
  SqlType common = SqlType::unknown();
  for (const SqlType& type : types) {
    if (type.isUnknown() || type == common) {
      continue;
    }
    if (common.isUnknown()) {
      common = type;
    } else if (common.id == type.id) {
      common = common.withoutModifier();
    } else if (common.category() != type.category()) {
      return std::nullopt;
    } else if (!common.info().preferred && convertsImplicitly(common, type) && !convertsImplicitly(type, common)) {
      common = type.withoutModifier();
    } else if (convertsImplicitly(type, common)) {
      common = common.withoutModifier();
    } else {
      return std::nullopt;
    }
  }
  return common;
}

}  // namespace trefoil::sql
