// -> and ->> on json, json_typeof, json_array_length.
#include "sql/types/json.hpp"
#include "sql/expressions/kernels.hpp"

namespace trefoil::sql {
namespace {

using Int = std::int64_t;

std::optional<std::string_view> get(std::string_view json, std::string_view key) {
  return jsonMember(json, key);
}
std::optional<std::string_view> get(std::string_view json, Int index) {
  return jsonElement(json, index);
}

template <typename Key, bool AsText>
Status getKernel(const KernelCall& call) {
  const TextArgument json(call.arguments[0]);
  const Argument<Key> key(call.arguments[1]);
  bool no_text = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    std::optional<std::string_view> found;
    if constexpr (std::is_same_v<Key, StringRef>) {
      found = get(json[i], key[i].view());
    } else {
      found = get(json[i], key[i]);
    }
    if (!found) {
      call.result.setNull(i);
    } else if constexpr (AsText) {
      if (const auto text = jsonAsText(*found)) {
        no_text |= text->find('\0') != std::string::npos;
        setNewText(call, i, *text);
      } else {
        call.result.setNull(i);
      }
    } else {
      setNewText(call, i, *found);
    }
  });
  if (no_text) {
    return Error(ErrorCode::kInvalidText, "unsupported Unicode escape sequence")
        .withDetail("\\u0000 cannot be converted to text.");
  }
  return {};
}

Status typeOfKernel(const KernelCall& call) {
  const TextArgument json(call.arguments[0]);
  forEachPosition(call.rows, [&](std::uint32_t i) { setText(call, i, jsonTypeName(json[i])); });
  return {};
}

Status arrayLengthKernel(const KernelCall& call) {
  const TextArgument json(call.arguments[0]);
  Int* const out = call.result.as<Int>();
  bool failed = false;
  forEachPosition(call.rows, [&](std::uint32_t i) {
    const auto length = jsonArrayLength(json[i]);
    failed |= !length.has_value();
    out[i] = length.value_or(0);
  });
  if (failed) {
    return Error(ErrorCode::kInvalid, "cannot get array length of a non-array");
  }
  return {};
}

}  // namespace

std::vector<Function> jsonFunctions() {
  const SqlType json = SqlType::json();
  const SqlType text = SqlType::text();
  const SqlType integer = SqlType::integer();
  return {
      {.name = "->", .parameters = {json, text}, .result = json, .kernel = getKernel<StringRef, false>, .makes_nulls = true},
      {.name = "->", .parameters = {json, integer}, .result = json, .kernel = getKernel<Int, false>, .makes_nulls = true},
      {.name = "->>", .parameters = {json, text}, .result = text, .kernel = getKernel<StringRef, true>, .makes_nulls = true},
      {.name = "->>", .parameters = {json, integer}, .result = text, .kernel = getKernel<Int, true>, .makes_nulls = true},
      {.name = "json_typeof", .parameters = {json}, .result = text, .kernel = typeOfKernel},
      {.name = "json_array_length", .parameters = {json}, .result = integer, .kernel = arrayLengthKernel},
  };
}

}  // namespace trefoil::sql
