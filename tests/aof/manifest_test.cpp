#include "aof/manifest.hpp"

#include <catch2/catch.hpp>

#include "base/crc32c.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using trefoil::testing::FaultEnv;
using trefoil::testing::TemporaryDirectory;

Manifest example() {
  Manifest manifest;
  manifest.epoch = 3;
  manifest.next_file = 9;
  manifest.next_unit = 812;
  manifest.hash_seed = 0x9f86d081884c7d65;
  manifest.base = BaseEntry{.number = 7, .start = 81264, .needs = 90112};
  manifest.synced = 131072;
  manifest.segments = {{.number = 6, .epoch = 2, .start = 65600, .end = 98304},
                       {.number = 8, .epoch = 3, .start = 98304, .end = std::nullopt}};
  manifest.properties = {{"empty", ""}, {"partitions", std::string("\x00\x01\n\xff", 4)}};
  return manifest;
}

TEST_CASE("A manifest is text, and comes back as it was") {
  const std::string text = example().encode();
  CHECK(text ==
        "TREFOILM 1\nepoch 3\nnext_file 9\nnext_unit 812\nhash_seed 9f86d081884c7d65\n"
        "base base-7.tfs start 81264 needs 90112\nsynced 131072\n"
        "segment log-6.tfl epoch 2 start 65600 end 98304\nsegment log-8.tfl epoch 3 start 98304 end -\n"
        "property empty \nproperty partitions 00010aff\ncrc 9a6e5f52\n");
  const auto decoded = Manifest::decode(text, "MANIFEST");
  REQUIRE(decoded.ok());
  CHECK(decoded.value() == example());
}

TEST_CASE("A manifest with a flipped bit or a missing end is corrupt, and says which file") {
  const std::string text = example().encode();
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = Manifest::decode(damaged, "dir/MANIFEST");
    REQUIRE(!decoded.ok());
    CHECK(decoded.error().code == ErrorCode::kCorruption);
    CHECK(decoded.error().message.find("'dir/MANIFEST'") != std::string::npos);
  }
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK(!Manifest::decode(std::string_view(text).substr(0, size), "MANIFEST").ok());
  }
}

TEST_CASE("A manifest with a right checksum and wrong content is refused") {
  const auto decode = [](const std::string& text) {
    char crc[9];
    std::snprintf(crc, sizeof(crc), "%08x", crc32c(text));
    return Manifest::decode(text + "crc " + crc + "\n", "MANIFEST").ok();
  };
  const std::string head = "TREFOILM 1\nepoch 2\nnext_file 3\nnext_unit 1\nhash_seed 0000000000000001\nsynced 64\n";
  const std::string segment = "segment log-1.tfl epoch 1 start 64 end ";
  CHECK(decode(head + segment + "-\n"));
  CHECK(decode(head + segment + "128\nsegment log-2.tfl epoch 2 start 128 end -\n"));
  CHECK(!decode(head));                                                                 // no segment
  CHECK(!decode(head + segment + "128\nsegment log-2.tfl epoch 2 start 136 end -\n"));  // a gap
  CHECK(!decode(head + segment + "-\nsegment log-2.tfl epoch 2 start 128 end -\n"));    // open in the middle
  CHECK(!decode(head + segment + "8\n"));                                               // ends before it starts
  CHECK(!decode(head + "segment log-3.tfl epoch 1 start 64 end -\n"));                  // a number not given out yet
  CHECK(!decode(head + "segment log-1.tfl epoch 3 start 64 end -\n"));                  // an epoch to come
  CHECK(!decode(head + "segment log-1.tfl epoch 1 start 128 end -\n"));                 // the beginning is missing
  CHECK(!decode(head + segment + "-\nnonsense 1\n"));
  CHECK(!decode(head + segment + "-\nsegment log-x.tfl epoch 1 start 64 end -\n"));
  CHECK(!decode(head + "base base-2.tfs start 32 needs 64\n" + segment + "-\n"));  // the checkpoint begins before the log
  CHECK(!decode("TREFOILM 2\n" + head.substr(11) + segment + "-\n"));              // another version
}

TEST_CASE("A manifest is replaced as a whole, whichever call fails") {
  for (std::uint64_t n = 1;; ++n) {
    const TemporaryDirectory directory;
    FaultEnv env(Env::system());
    ManifestStore store(env, directory.path(), example());
    REQUIRE(store.update([](Manifest&) {}).ok());
    env.failAt(n, {.kinds = trefoil::testing::kAnyCall, .persistent = true});
    const Status status = store.update([](Manifest& manifest) { manifest.next_unit = 1000; });
    const bool done = !env.fired();
    env.crash();
    env.restart();
    const auto read = ManifestStore::read(env, directory.path());
    REQUIRE(read.ok());
    CHECK(status.ok() == done);
    CHECK(read->next_unit == (done ? 1000 : 812));  // not synced: the old one comes back
    if (done) {
      CHECK(n > 4);
      break;
    }
  }
}

TEST_CASE("File numbers are given out once, also across an update") {
  const TemporaryDirectory directory;
  ManifestStore store(Env::system(), directory.path(), example());
  CHECK(store.takeFileNumber() == 9);
  CHECK(store.takeFileNumber() == 10);
  REQUIRE(store.update([](Manifest&) {}).ok());
  CHECK(store.takeFileNumber() == 11);
  CHECK(ManifestStore::read(Env::system(), directory.path())->next_file == 11);
}

}  // namespace
}  // namespace trefoil::aof
