// Which function a call means: PostgreSQL 15's answers, for the functions and operators that there are in both.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "sql/expressions/functions.hpp"

namespace trefoil::sql {
namespace {

const SqlType kUnknown = SqlType::unknown();
const SqlType kSmall = SqlType::smallint();
const SqlType kInteger = SqlType::integer();
const SqlType kBig = SqlType::bigint();
const SqlType kReal = SqlType::real();
const SqlType kDouble = SqlType::doublePrecision();
const SqlType kText = SqlType::text();
const SqlType kVarchar = SqlType::varchar(9);
const SqlType kDate = SqlType::date();
const SqlType kTimestamp = SqlType::timestamp();
const SqlType kTimestamptz = SqlType::timestamptz();

struct Case {
  std::string name;
  std::vector<SqlType> arguments;
  std::string expected;  // "(parameters) result", "none" or "ambiguous"
};

std::string describe(const Resolution& resolution) {
  if (resolution.function == nullptr) {
    return resolution.is_ambiguous ? "ambiguous" : "none";
  }
  std::string text = "(";
  for (const SqlType& parameter : resolution.function->parameters) {
    text += (text.size() == 1 ? "" : ", ") + std::string(parameter.info().short_name);
  }
  return text + ") " + std::string(resolution.function->result.info().short_name);
}

TEST_CASE("operators") {
  const auto c = GENERATE(values<Case>({
      {"+", {kInteger, kInteger}, "(int4, int4) int4"},
      {"+", {kSmall, kBig}, "(int2, int8) int8"},
      {"+", {kSmall, kInteger}, "(int2, int4) int4"},
      {"+", {kInteger, kReal}, "(float8, float4) float8"},
      {"+", {kReal, kReal}, "(float4, float4) float4"},
      {"+", {kReal, kDouble}, "(float4, float8) float8"},
      {"+", {kDouble, kInteger}, "(float8, float8) float8"},
      {"+", {kInteger, kUnknown}, "(int4, int4) int4"},
      {"+", {kUnknown, kUnknown}, "ambiguous"},
      {"+", {kText, kInteger}, "none"},
      {"+", {kDate, kInteger}, "(date, int4) date"},
      {"+", {kDate, kSmall}, "(date, int4) date"},
      {"-", {kDate, kDate}, "(date, date) int4"},
      {"-", {kDate, kUnknown}, "(date, date) int4"},
      {"=", {kInteger, kBig}, "(int4, int8) bool"},
      {"=", {kInteger, kReal}, "(float8, float4) bool"},
      {"=", {kReal, kDouble}, "(float4, float8) bool"},
      {"=", {kVarchar, kText}, "(text, text) bool"},
      {"=", {kVarchar, kVarchar}, "(text, text) bool"},
      {"=", {kVarchar, kUnknown}, "(text, text) bool"},
      {"=", {kDate, kTimestamp}, "(timestamp, timestamp) bool"},
      {"=", {kDate, kTimestamptz}, "(timestamptz, timestamptz) bool"},
      {"=", {kTimestamp, kTimestamptz}, "(timestamptz, timestamptz) bool"},
      {"=", {kTimestamp, kUnknown}, "(timestamp, timestamp) bool"},
      {"=", {kText, kInteger}, "none"},
      {"=", {SqlType::json(), SqlType::json()}, "none"},
      {"=", {SqlType::boolean(), kUnknown}, "(bool, bool) bool"},
      {"||", {kText, kVarchar}, "(text, text) text"},
      {"||", {kText, kUnknown}, "(text, text) text"},
      {"->", {SqlType::json(), kUnknown}, "(json, text) json"},
      {"->", {SqlType::json(), kInteger}, "(json, int4) json"},
  }));
  CAPTURE(c.name, sqlTypeName(c.arguments[0]), sqlTypeName(c.arguments[1]));
  CHECK(describe(resolveOperator(c.name, c.arguments[0], c.arguments[1])) == c.expected);
}

TEST_CASE("functions") {
  const auto c = GENERATE(values<Case>({
      {"abs", {kSmall}, "(int2) int2"},
      {"abs", {kReal}, "(float4) float4"},
      {"abs", {kUnknown}, "(float8) float8"},
      {"sqrt", {kInteger}, "(float8) float8"},
      {"round", {kInteger}, "(float8) float8"},
      {"length", {kUnknown}, "(text) int4"},
      {"length", {kVarchar}, "(text) int4"},
      {"length", {SqlType::bytea()}, "(bytea) int4"},
      {"length", {kInteger}, "none"},
      {"date_trunc", {kUnknown, kDate}, "(text, timestamptz) timestamptz"},
      {"date_trunc", {kUnknown, kTimestamp}, "(text, timestamp) timestamp"},
      {"power", {kInteger, kInteger}, "(float8, float8) float8"},
      {"substr", {kText, kInteger}, "(text, int4) text"},
      {"substr", {kText, kBig}, "none"},
      {"no such function", {kText}, "none"},
  }));
  CAPTURE(c.name);
  CHECK(describe(resolveFunction(c.name, c.arguments)) == c.expected);
}

}  // namespace
}  // namespace trefoil::sql
