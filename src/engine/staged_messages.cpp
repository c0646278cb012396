#include "engine/staged_messages.hpp"

namespace trefoil {

void StagedMessages::add(Topic topic, std::string_view channel, std::string_view payload) {
  staged_.push_back({topic, std::string(channel), std::string(payload)});
  charge_.set(charge_.bytes() + sizeof(Staged) + channel.size() + payload.size());
}

void StagedMessages::clear() {
  staged_ = {};
  savepoints_ = {};
  charge_.set(0);
}

void StagedMessages::savepoint(std::string_view name) {
  savepoints_.push_back({std::string(name), staged_.size()});
}

void StagedMessages::rollbackTo(std::string_view name) {
  if (const std::size_t at = find(name); at != savepoints_.size()) {
    staged_.erase(staged_.begin() + static_cast<std::ptrdiff_t>(savepoints_[at].staged), staged_.end());
    savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at) + 1, savepoints_.end());
    noteBytes();
  }
}

void StagedMessages::release(std::string_view name) {
  savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(find(name)), savepoints_.end());
}

std::size_t StagedMessages::find(std::string_view name) const {
  for (std::size_t i = savepoints_.size(); i > 0; --i) {
    if (savepoints_[i - 1].name == name) {
      return i - 1;
    }
  }
  return savepoints_.size();
}

void StagedMessages::noteBytes() {
  std::size_t bytes = 0;
  for (const Staged& staged : staged_) {
    bytes += sizeof(Staged) + staged.channel.size() + staged.payload.size();
  }
  charge_.set(bytes);
}

}  // namespace trefoil
