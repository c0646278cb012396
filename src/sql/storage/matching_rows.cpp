#include "sql/storage/matching_rows.hpp"

#include <algorithm>
#include <bit>

#include "sql/expressions/functions.hpp"

namespace trefoil::sql {

namespace {

// Calls visit(value) for each parameter in the expression, in its order, until one answers false; whether none did.
template <typename Visit>
bool forEachParameter(const Expression& filter, std::span<const Datum> parameters, const Visit& visit_parameter) {
  bool all = true;
  visit(filter, [&](const Expression& node) {
    all = all && (node.kind != ExpressionKind::kParameter || visit_parameter(parameters[node.index]));
    return all;
  });
  return all;
}

// No function can tell them apart.
bool same(const Datum& a, const Datum& b) {
  if (a.type() == Type::kDouble && b.type() == Type::kDouble) {
    return std::bit_cast<std::uint64_t>(a.asReal()) == std::bit_cast<std::uint64_t>(b.asReal());
  }
  return identical(a, b);
}

}  // namespace

// A call without arguments answers something of the moment: now(), random().
bool MatchingRows::canKeep(const Expression& filter) {
  bool timeless = true;
  visit(filter, [&](const Expression& node) {
    const bool momentary = node.kind == ExpressionKind::kSubquery || node.kind == ExpressionKind::kOuter ||
                           (node.kind == ExpressionKind::kCall && (node.children.empty() || node.function->is_volatile));
    timeless = timeless && !momentary;
    return timeless;
  });
  return timeless;
}

bool MatchingRows::matches(const Entry& entry, const RowCondition& condition) {
  auto known = entry.parameters.begin();
  return std::ranges::equal(entry.columns, condition.columns) && equivalent(*entry.filter, condition.filter) &&
         forEachParameter(condition.filter, condition.parameters,
                          [&](const Datum& value) { return same((known++)->view(), value); });
}

std::shared_ptr<const RowSet> MatchingRows::find(const RowCondition& condition) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
    return entry.rows_stamp == condition.rows_stamp && matches(entry, condition);
  });
  if (found == entries_.rend()) {
    return nullptr;
  }
  std::rotate(found.base() - 1, found.base(), entries_.end());
  return entries_.back().rows;
}

// What was true of other rows goes: a table that has changed does not change back.
void MatchingRows::keep(const RowCondition& condition, std::shared_ptr<const RowSet> rows) {
  const auto bytes = [](const Entry& entry) { return entry.rows->words.size() * sizeof(std::uint64_t); };
  Entry entry{
      clone(condition.filter), {condition.columns.begin(), condition.columns.end()}, {}, condition.rows_stamp, std::move(rows)};
  forEachParameter(condition.filter, condition.parameters, [&](const Datum& value) {
    entry.parameters.emplace_back(value);
    return true;
  });
  const std::lock_guard lock(mutex_);
  std::size_t kept = bytes(entry);
  std::size_t first = entries_.size();  // of those that stay
  while (first > 0 && entries_.size() - first + 1 < kMostSets && kept + bytes(entries_[first - 1]) <= kMostBytes) {
    kept += bytes(entries_[--first]);
  }
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first));
  std::erase_if(entries_, [&](const Entry& other) { return other.rows_stamp != condition.rows_stamp; });
  if (bytes(entry) <= kMostBytes) {
    entries_.push_back(std::move(entry));
  }
}

}  // namespace trefoil::sql
