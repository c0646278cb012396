#include "tests/kv/kv_harness.hpp"

#include <algorithm>

#include "kv/large.hpp"

namespace trefoil::kv::test {

ModelValue readValue(const Entry& entry) {
  ModelValue value;
  value.type = entry.type();
  value.deadline = entry.deadline().unix_ms;
  if (entry.type() == ObjectType::kString) {
    IntegerText room;
    value.text = StringHandle(&entry).text(room);
    return value;
  }
  const CollectionHandle handle(&entry);
  for (ElementCursor cursor = handle.first(); cursor.valid(); cursor.next()) {
    switch (entry.type()) {
      case ObjectType::kList:
        value.list.emplace_back(cursor.member());
        break;
      case ObjectType::kHash:
        value.hash.emplace(cursor.member(), cursor.value());
        break;
      case ObjectType::kSet:
        value.set.emplace(cursor.member());
        break;
      default:
        value.scores.emplace(cursor.member(), cursor.score());
        break;
    }
  }
  return value;
}

void TestStore::lockAll() {
  for (int db = 0; db < store_.databases(); ++db) {
    store_.lockAll(db);
  }
}

void TestStore::unlockAll() {
  for (std::uint32_t id = 0; id < static_cast<std::uint32_t>(store_.databases()) * kPartitions; ++id) {
    const PartitionId partition{id};
    store_.unlockOwing({&partition, 1});
  }
}

Status TestStore::apply(std::string_view effects) {
  lockAll();
  const WriteContext context = WriteContext::live(versions_, lsn_++);
  EffectReader reader(effects);
  Status status;
  while (!reader.done() && status.ok()) {
    const std::uint8_t kind = reader.getKind();
    status = store_.apply(kind, reader, context);
  }
  unlockAll();
  return status;
}

void TestStore::commitLocked(const EffectBuffer& effects) {
  const WriteContext context = WriteContext::live(versions_, lsn_++);
  EffectReader reader(effects.bytes());
  while (!reader.done()) {
    const std::uint8_t kind = reader.getKind();
    const Status status = store_.apply(kind, reader, context);
    TREFOIL_ASSERT(status.ok());
  }
  TREFOIL_ASSERT(reader.ok());
}

void TestStore::commitLocked(PreparedEffects& prepared, bool owed) {
  const WriteContext context = WriteContext::live(versions_, lsn_++);
  if (owed) {
    store_.owe(prepared, context);
  } else {
    store_.apply(prepared, context);
  }
}

Model TestStore::content(int db, Lsn snapshot) {
  Model model;
  const Status walked = store_.visitAll(db, snapshot, false, [&](const Entry& entry) {
    const bool is_new = model.emplace(entry.key(), readValue(entry)).second;
    TREFOIL_ASSERT(is_new);
  });
  TREFOIL_ASSERT(walked.ok());
  return model;
}

// ----------------------------------------------------------------------------------------------------------- random operations

namespace {

std::string verdict(const std::string& got, const std::string& expected) {
  return got == expected ? got : "MISMATCH got " + got + " expected " + expected;
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

void dropIfEmpty(Model& model, const std::string& name) {
  if (const auto it = model.find(name); it != model.end() && it->second.emptyCollection()) {
    model.erase(it);
  }
}

ModelValue& collection(Model& model, const std::string& name, ObjectType type) {
  ModelValue& value = model[name];
  value.type = type;
  return value;
}

std::string number(std::size_t value) {
  return std::to_string(value);
}

}  // namespace

std::string RandomOperations::randomText(std::size_t limit) {
  if (below(4) == 0) {
    return std::to_string(static_cast<std::int64_t>(random_()) >> below(64));
  }
  return std::string(below(limit + 1), static_cast<char>('a' + below(26)));
}

std::vector<std::string> RandomOperations::randomMembers() {
  std::vector<std::string> members(1 + below(5));
  for (std::string& member : members) {
    member = randomMember();
  }
  return members;
}

std::string RandomOperations::step(View& view, Model& model) {
  const std::string name = "key" + std::to_string(below(keys_));
  const Key key = view.key(0, name);
  const Entry* entry = view.find(key);
  const auto it = model.find(name);
  if ((entry != nullptr) != (it != model.end())) {
    return "MISMATCH existence of " + name;
  }
  if (entry != nullptr && !(readValue(*entry) == it->second)) {
    return "MISMATCH content of " + name;
  }
  if (below(8) == 0) {
    return "any " + onAny(view, model, name);
  }
  const auto type = it != model.end() ? it->second.type : static_cast<ObjectType>(below(5));
  switch (type) {
    case ObjectType::kString:
      return "string " + onString(view, model, name);
    case ObjectType::kList:
      return "list " + onList(view, model, name);
    case ObjectType::kHash:
      return "hash " + onHash(view, model, name);
    case ObjectType::kSet:
      return "set " + onSet(view, model, name);
    case ObjectType::kSortedSet:
      return "zset " + onSortedSet(view, model, name);
  }
  return "MISMATCH";
}

std::string RandomOperations::onAny(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  switch (below(7)) {
    case 0:
    case 1:
      return verdict(number(view.remove(key)), number(model.erase(name)));
    case 2: {
      const Deadline deadline = below(3) == 0 ? kNever : Deadline{kNow.value + 1 + static_cast<std::int64_t>(below(1000))};
      const bool there = model.contains(name);
      if (there) {
        model[name].deadline = deadline.unix_ms;
      }
      return verdict(number(view.setDeadline(key, deadline)), number(there));
    }
    case 3: {
      const std::string other = "key" + std::to_string(below(keys_));
      if (model.contains(name) && other != name) {
        view.copyValue(key, view.key(0, other), Cause::kCopyTo);
        model[other] = model[name];
      }
      return "copied";
    }
    case 6: {
      const std::string other = "key" + std::to_string(below(keys_));
      if (model.contains(name) && other != name) {
        view.moveValue(key, view.key(0, other), Cause::kRenameFrom, Cause::kRenameTo);
        model[other] = model[name];
        model.erase(name);
      }
      return "moved";
    }
    case 4: {
      if (below(20) == 0) {
        view.flush(0);
        model.clear();
        return "flushed";
      }
      std::size_t matching = 0;
      const Status walked = view.forEachKey(0, "key1*", [&](const Entry&) { ++matching; });
      TREFOIL_ASSERT(walked.ok());
      const auto expected =
          std::count_if(model.begin(), model.end(), [](const auto& pair) { return pair.first.starts_with("key1"); });
      return verdict(number(matching), number(static_cast<std::size_t>(expected)));
    }
    default:
      return verdict(number(view.databaseSize(0).value()), number(model.size()));
  }
}

std::string RandomOperations::onString(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  switch (below(4)) {
    case 0: {
      const std::string text = randomText(200);
      ModelValue& value = collection(model, name, ObjectType::kString);
      value.text += text;
      return verdict(number(view.append(key, text)), number(value.text.size()));
    }
    case 1: {
      const std::size_t offset = below(300);
      const std::string text = randomText(20);
      if (text.empty()) {
        return verdict(number(view.setRange(key, offset, text)), number(model.contains(name) ? model[name].text.size() : 0));
      }
      ModelValue& value = collection(model, name, ObjectType::kString);
      value.text.resize(std::max(value.text.size(), offset + text.size()));
      value.text.replace(offset, text.size(), text);
      return verdict(number(view.setRange(key, offset, text)), number(value.text.size()));
    }
    default: {
      const std::string text = randomText(100);
      const Deadline deadline = below(3) == 0 ? Deadline{kNow.value + 5} : kNever;
      view.setString(key, text, deadline);
      model[name] = {};
      model[name].text = text;
      model[name].deadline = deadline.unix_ms;
      return "set";
    }
  }
}

std::string RandomOperations::onList(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  ModelValue& value = collection(model, name, ObjectType::kList);
  std::string answer = "done";
  const std::size_t size = value.list.size();
  switch (size == 0 ? 0 : below(10)) {
    case 0:
    case 1:
    case 2: {
      std::vector<std::string> texts(1 + below(4));
      for (std::string& text : texts) {
        text = randomText(30);
      }
      const bool left = below(2) == 0;
      for (const std::string& text : texts) {
        left ? value.list.push_front(text) : value.list.push_back(text);
      }
      answer =
          verdict(number(view.listPush(key, left ? ListSide::kLeft : ListSide::kRight, views(texts))), number(value.list.size()));
      break;
    }
    case 3: {
      const std::size_t count = 1 + below(std::min<std::size_t>(size, 3));
      const bool left = below(2) == 0;
      view.listPop(key, left ? ListSide::kLeft : ListSide::kRight, count);
      for (std::size_t i = 0; i < count; ++i) {
        left ? value.list.pop_front() : value.list.pop_back();
      }
      break;
    }
    case 4:
    case 5: {
      const std::size_t index = below(size);
      value.list[index] = randomText(40);
      view.listSet(key, index, value.list[index]);
      break;
    }
    case 6:
    case 7: {
      const std::size_t index = below(size + 1);
      const std::string text = randomText(30);
      value.list.insert(value.list.begin() + static_cast<std::ptrdiff_t>(index), text);
      view.listInsert(key, index, text);
      break;
    }
    case 8: {
      const std::size_t index = below(size);
      const std::size_t count = below(std::min<std::size_t>(3, size - index) + 1);
      const auto from = value.list.begin() + static_cast<std::ptrdiff_t>(index);
      value.list.erase(from, from + static_cast<std::ptrdiff_t>(count));
      view.listErase(key, index, count);
      break;
    }
    default: {
      const std::size_t start = below(2);
      const std::size_t count = size - std::min(size, start + below(2));
      view.listTrim(key, std::min(start, size - count), count);
      const auto from = value.list.begin() + static_cast<std::ptrdiff_t>(std::min(start, size - count));
      value.list = std::deque<std::string>(from, from + static_cast<std::ptrdiff_t>(count));
      break;
    }
  }
  dropIfEmpty(model, name);
  return answer;
}

std::string RandomOperations::onHash(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  ModelValue& value = collection(model, name, ObjectType::kHash);
  const std::vector<std::string> fields = randomMembers();
  std::string answer;
  if (below(3) != 0) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      texts.push_back(randomText(60));
    }
    std::vector<FieldValue> pairs;
    std::size_t created = 0;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      pairs.push_back({fields[i], texts[i]});
      created += value.hash.insert_or_assign(fields[i], texts[i]).second ? 1 : 0;
    }
    answer = verdict(number(view.hashSet(key, pairs)), number(created));
  } else {
    std::size_t removed = 0;
    for (const std::string& field : fields) {
      removed += value.hash.erase(field);
    }
    answer = verdict(number(view.hashRemove(key, views(fields))), number(removed));
  }
  dropIfEmpty(model, name);
  return answer;
}

std::string RandomOperations::onSet(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  ModelValue& value = collection(model, name, ObjectType::kSet);
  const std::vector<std::string> members = randomMembers();
  const bool adding = below(3) != 0;
  std::size_t changed = 0;
  for (const std::string& member : members) {
    changed += adding ? (value.set.insert(member).second ? 1U : 0U) : value.set.erase(member);
  }
  const std::size_t got = adding ? view.setAdd(key, views(members)) : view.setRemove(key, views(members));
  dropIfEmpty(model, name);
  return verdict(number(got), number(changed));
}

std::string RandomOperations::onSortedSet(View& view, Model& model, const std::string& name) {
  const Key key = view.key(0, name);
  ModelValue& value = collection(model, name, ObjectType::kSortedSet);
  const std::vector<std::string> members = randomMembers();
  std::string answer;
  if (below(3) != 0) {
    std::vector<ScoredMember> scored;
    std::size_t created = 0;
    for (const std::string& member : members) {
      const double score = static_cast<double>(static_cast<std::int64_t>(below(20)) - 10) / 2;
      scored.push_back({score, member});
      created += value.scores.insert_or_assign(member, score).second ? 1 : 0;
    }
    answer = verdict(number(view.sortedSetPut(key, scored)), number(created));
  } else {
    std::size_t removed = 0;
    for (const std::string& member : members) {
      removed += value.scores.erase(member);
    }
    answer = verdict(number(view.sortedSetRemove(key, views(members))), number(removed));
  }
  // Order, ranks and counts.
  std::vector<std::pair<double, std::string>> ordered;
  for (const auto& [member, score] : value.scores) {
    ordered.emplace_back(score, member);
  }
  std::sort(ordered.begin(), ordered.end());
  const auto handle = view.sortedSet(key);
  if (!handle.ok() || handle.value().size() != ordered.size()) {
    return "MISMATCH size of sorted set";
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    if (handle.value().rank(ordered[i].second) != i || handle.value().at(i).member() != ordered[i].second) {
      return "MISMATCH rank";
    }
  }
  const double bound = static_cast<double>(static_cast<std::int64_t>(below(20)) - 10) / 2;
  const auto less = std::count_if(ordered.begin(), ordered.end(), [&](const auto& pair) { return pair.first < bound; });
  const auto at_most = std::count_if(ordered.begin(), ordered.end(), [&](const auto& pair) { return pair.first <= bound; });
  if (handle.value().countBelow(bound, false) != static_cast<std::size_t>(less) ||
      handle.value().countBelow(bound, true) != static_cast<std::size_t>(at_most)) {
    return "MISMATCH count by score";
  }
  dropIfEmpty(model, name);
  return answer;
}

}  // namespace trefoil::kv::test
