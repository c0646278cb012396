#include "sql/types/sql_type.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

namespace trefoil::sql {
namespace {

TEST_CASE("the OIDs of the types are frozen") {
  // In logs and checkpoints that exist, and what clients of PostgreSQL know. Append, never change.
  const auto [id, oid, array_oid, name] = GENERATE(table<TypeId, std::uint32_t, std::uint32_t, std::string>({
      {TypeId::kBoolean, 16, 1000, "boolean"},
      {TypeId::kBytea, 17, 1001, "bytea"},
      {TypeId::kBigint, 20, 1016, "bigint"},
      {TypeId::kSmallint, 21, 1005, "smallint"},
      {TypeId::kInteger, 23, 1007, "integer"},
      {TypeId::kText, 25, 1009, "text"},
      {TypeId::kJson, 114, 199, "json"},
      {TypeId::kReal, 700, 1021, "real"},
      {TypeId::kDouble, 701, 1022, "double precision"},
      {TypeId::kVarchar, 1043, 1015, "character varying"},
      {TypeId::kDate, 1082, 1182, "date"},
      {TypeId::kTimestamp, 1114, 1115, "timestamp without time zone"},
      {TypeId::kTimestamptz, 1184, 1185, "timestamp with time zone"},
      {TypeId::kVector, 9000, 9001, "vector"},
  }));
  const SqlType type{id};
  CHECK(type.info().oid == oid);
  CHECK(type.info().array_oid == array_oid);
  CHECK(type.info().name == name);
  CHECK(typeOfOid(oid) == id);
}

TEST_CASE("every type has an OID, a name and a storage of its own row") {
  std::set<std::uint32_t> oids;
  std::set<std::string_view> names;
  for (std::size_t i = 1; i < std::size(kTypeInfos); ++i) {
    const TypeInfo& info = kTypeInfos[i];
    CAPTURE(info.name);
    CHECK(oids.insert(info.oid).second);
    CHECK((info.array_oid == 0 || oids.insert(info.array_oid).second));
    CHECK(names.insert(info.name).second);
    CHECK((info.short_name == info.name || names.insert(info.short_name).second));
    CHECK(info.storage != Type::kNull);
    CHECK(std::string_view("BDNSU").find(info.category) != std::string_view::npos);
  }
  CHECK(!typeOfOid(705));
  CHECK(!typeOfOid(0));
}

TEST_CASE("names of types, and what may stand in parentheses behind them") {
  struct Case {
    std::string name;
    std::vector<std::int64_t> modifiers;
    SqlType type;
    std::string error;
  };
  const auto c = GENERATE(values<Case>({
      {"int", {}, SqlType::integer(), ""},
      {"int2", {}, SqlType::smallint(), ""},
      {"character varying", {10}, SqlType::varchar(10), ""},
      {"varchar", {}, SqlType::varchar(), ""},
      {"float4", {}, SqlType::real(), ""},
      {"float", {}, SqlType::doublePrecision(), ""},
      {"float", {24}, SqlType::real(), ""},
      {"float", {25}, SqlType::doublePrecision(), ""},
      {"float", {0}, {}, "precision for type float must be at least 1 bit"},
      {"float", {54}, {}, "precision for type float must be less than 54 bits"},
      {"timestamptz", {}, SqlType::timestamptz(), ""},
      {"timestamp with time zone", {}, SqlType::timestamptz(), ""},
      {"vector", {3}, SqlType::vector(3), ""},
      {"vector", {0}, {}, "dimensions for type vector must be at least 1"},
      {"varchar", {0}, {}, "length for type varchar must be at least 1"},
      {"varchar", {10'485'761}, {}, "length for type varchar cannot exceed 10485760"},
      {"text", {5}, {}, "type modifier is not allowed for type \"text\""},
      {"varchar", {1, 2}, {}, "type modifier is not allowed for type \"varchar\""},
      {"unknown", {}, {}, "type \"unknown\" does not exist"},
      {"nonsense", {}, {}, "type \"nonsense\" does not exist"},
  }));
  CAPTURE(c.name);
  const auto type = resolveTypeName(c.name, c.modifiers);
  REQUIRE(type.ok() == c.error.empty());
  if (type.ok()) {
    CHECK(type.value() == c.type);
  } else {
    CHECK(type.error().message == c.error);
  }
}

TEST_CASE("who may ask for a conversion") {
  const auto [from, to, context] = GENERATE(table<SqlType, SqlType, CastContext>({
      {SqlType::smallint(), SqlType::bigint(), CastContext::kImplicit},
      {SqlType::bigint(), SqlType::smallint(), CastContext::kAssignment},
      {SqlType::bigint(), SqlType::real(), CastContext::kImplicit},
      {SqlType::real(), SqlType::doublePrecision(), CastContext::kImplicit},
      {SqlType::doublePrecision(), SqlType::real(), CastContext::kAssignment},
      {SqlType::boolean(), SqlType::integer(), CastContext::kExplicit},
      {SqlType::boolean(), SqlType::bigint(), CastContext::kNone},
      {SqlType::date(), SqlType::timestamptz(), CastContext::kImplicit},
      {SqlType::timestamptz(), SqlType::timestamp(), CastContext::kAssignment},
      {SqlType::integer(), SqlType::text(), CastContext::kAssignment},
      {SqlType::text(), SqlType::integer(), CastContext::kExplicit},
      {SqlType::varchar(), SqlType::text(), CastContext::kImplicit},
      {SqlType::integer(), SqlType::date(), CastContext::kNone},
      {SqlType::unknown(), SqlType::date(), CastContext::kImplicit},
      {SqlType::vector(3), SqlType::vector(), CastContext::kImplicit},
  }));
  CAPTURE(sqlTypeName(from), sqlTypeName(to));
  CHECK(castContext(from, to) == context);
}

TEST_CASE("what is the same value in memory converts for nothing, and only that") {
  CHECK(isBinaryCoercible(SqlType::smallint(), SqlType::bigint()));
  CHECK(!isBinaryCoercible(SqlType::bigint(), SqlType::smallint()));
  CHECK(isBinaryCoercible(SqlType::real(), SqlType::doublePrecision()));
  CHECK(!isBinaryCoercible(SqlType::doublePrecision(), SqlType::real()));
  CHECK(isBinaryCoercible(SqlType::json(), SqlType::text()));
  CHECK(!isBinaryCoercible(SqlType::text(), SqlType::json()));
  CHECK(!isBinaryCoercible(SqlType::date(), SqlType::timestamp()));
  CHECK(comparesAsIs(SqlType::bigint(), SqlType::smallint()));
  CHECK(comparesAsIs(SqlType::text(), SqlType::varchar(5)));
  CHECK(!comparesAsIs(SqlType::date(), SqlType::integer()));
  CHECK(!comparesAsIs(SqlType::bigint(), SqlType::doublePrecision()));
}

TEST_CASE("the common type of CASE, UNION and IN is PostgreSQL's") {
  struct Case {
    std::vector<SqlType> types;
    std::optional<SqlType> common;
  };
  const auto c = GENERATE(values<Case>({
      {{}, SqlType::unknown()},
      {{SqlType::unknown(), SqlType::unknown()}, SqlType::unknown()},
      {{SqlType::unknown(), SqlType::date()}, SqlType::date()},
      {{SqlType::smallint(), SqlType::integer(), SqlType::bigint()}, SqlType::bigint()},
      {{SqlType::doublePrecision(), SqlType::bigint()}, SqlType::doublePrecision()},
      {{SqlType::integer(), SqlType::real()}, SqlType::real()},
      {{SqlType::real(), SqlType::doublePrecision()}, SqlType::doublePrecision()},
      {{SqlType::date(), SqlType::timestamp()}, SqlType::timestamp()},
      {{SqlType::timestamp(), SqlType::timestamptz()}, SqlType::timestamptz()},
      {{SqlType::varchar(3), SqlType::varchar(3)}, SqlType::varchar(3)},
      {{SqlType::varchar(3), SqlType::varchar(5)}, SqlType::varchar()},
      {{SqlType::varchar(3), SqlType::text()}, SqlType::varchar()},
      {{SqlType::text(), SqlType::varchar(3)}, SqlType::text()},
      {{SqlType::integer(), SqlType::text()}, std::nullopt},
      {{SqlType::date(), SqlType::integer()}, std::nullopt},
      {{SqlType::boolean(), SqlType::integer()}, std::nullopt},
      {{SqlType::json(), SqlType::bytea()}, std::nullopt},
  }));
  CHECK(commonType(c.types) == c.common);
}

}  // namespace
}  // namespace trefoil::sql
