// What an aggregate keeps for each group, as arrays over the groups: one object for each aggregate of a query.
//
//   update(groups, argument, rows)   row r belongs to group groups[r]; a loop over one array
//   combine(other, first, mapping)   some of another worker's groups: its group first + g is our group mapping[g]
//   result(first, count, out)        the values of some groups
//
// resize(n) comes first: new groups start out empty. Thread safety: none, each worker has its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/status.hpp"
#include "sql/plan/nodes.hpp"
#include "sql/types/chunk.hpp"

namespace trefoil::sql {

class AggregateState {
 public:
  virtual ~AggregateState() = default;
  virtual void clear() = 0;
  virtual void resize(std::uint32_t groups) = 0;
  // `argument` is undefined for count(*); `separator` is for string_agg.
  virtual Status update(const std::uint32_t* groups, const Column& argument, const Column& separator, const Rows& rows) = 0;
  virtual void combine(const AggregateState& other, std::uint32_t first, std::span<const std::uint32_t> mapping) = 0;
  // Values of groups first … first+count-1 at places 0 … of `out`.
  virtual Status result(std::uint32_t first, std::uint32_t count, ColumnBuffer& out) const = 0;

  static std::unique_ptr<AggregateState> make(const AggregateCall& call);
};

}  // namespace trefoil::sql
