// Message: something that sessions are told without having asked for it just then: a published message, a line of MONITOR.
//
// One message goes to any number of sessions, so it is made once, never changes, and is shared. Front ends that speak bytes keep
// theirs in it, too: the first that needs the message in RESP2 or RESP3 encodes it, the others send the same bytes.
//
// Memory counts to the clients' account, once for each message, however many outboxes it is in.
// Thread safety: all functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_account.hpp"

namespace trefoil {

class Reply;

class Message {
 public:
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  virtual ~Message() = default;

  // Says it: one value, of RESP3's push type if it is none that stands in for an answer.
  virtual void pushTo(Reply& reply) const = 0;
  // About what it takes on its way to a client, in bytes; what limits on output are held against.
  [[nodiscard]] std::size_t size() const { return size_; }

  // Its bytes in a protocol (2 or 3), made by encode(*this, bytes) the first time. Valid as long as the message is.
  template <typename Encode>
  [[nodiscard]] std::string_view encoded(int protocol, Encode&& encode) const {
    Form& form = forms_[protocol >= 3 ? 1 : 0];
    std::call_once(form.made, [&] {
      encode(*this, form.bytes);
      form.charge.set(form.bytes.capacity());
    });
    return form.bytes;
  }

 protected:
  // `bytes`: of its texts.
  explicit Message(std::size_t bytes) : size_(bytes + kFrame) { charge_.set(size_ + sizeof(*this)); }

 private:
  static constexpr std::size_t kFrame = 40;  // of RESP, around the texts
  struct Form {
    std::once_flag made;
    std::string bytes;
    MemoryCharge charge{MemoryLeaf::kClients};
  };
  const std::size_t size_;
  MemoryCharge charge_{MemoryLeaf::kClients};
  mutable std::array<Form, 2> forms_;
};

using MessagePointer = std::shared_ptr<const Message>;

// What came over a channel. https://redis.io/docs/latest/develop/interact/pubsub/#format-of-pushed-messages
class ChannelMessage final : public Message {
 public:
  enum class Kind : std::uint8_t {
    kMessage,  // to the channel's own subscribers
    kPattern,  // to those of a pattern that its name matches
    kShard,    // to a shard channel's
  };
  // `pattern` is for kPattern.
  ChannelMessage(Kind kind, std::string_view pattern, std::string_view channel, std::string_view payload);
  void pushTo(Reply& reply) const override;

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& pattern() const { return pattern_; }
  [[nodiscard]] const std::string& channel() const { return channel_; }
  [[nodiscard]] const std::string& payload() const { return payload_; }

 private:
  const Kind kind_;
  const std::string pattern_;
  const std::string channel_;
  const std::string payload_;
};

// What a monitor sees of a command that was run.
class MonitorLine final : public Message {
 public:
  explicit MonitorLine(std::string text) : Message(text.size()), text_(std::move(text)) {}
  void pushTo(Reply& reply) const override;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  const std::string text_;
};

// Keys that a client has read (or all) have changed: CLIENT TRACKING.
// https://redis.io/docs/latest/develop/reference/client-side-caching/
class InvalidationMessage final : public Message {
 public:
  enum class Form : std::uint8_t {
    kPush,     // RESP3's "invalidate"
    kChannel,  // as if published, to a subscriber that speaks RESP2
  };
  // No keys: all.
  InvalidationMessage(Form form, std::span<const std::string_view> keys);
  void pushTo(Reply& reply) const override;

  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }

 private:
  const Form form_;
  const std::vector<std::string> keys_;
};

// The client to which a session has redirected its invalidations is gone.
class BrokenRedirection final : public Message {
 public:
  explicit BrokenRedirection(std::uint64_t client) : Message(0), client_(client) {}
  void pushTo(Reply& reply) const override;

 private:
  const std::uint64_t client_;
};

}  // namespace trefoil
