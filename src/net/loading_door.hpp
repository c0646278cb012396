// LoadingDoor: `http-port` while the database is being loaded. Nobody can be served yet, but whoever watches over the server is
// told so: /health is 200, all else is 503. When the loading is over the listeners go on to the server; who connects in between
// waits there.
//
// One thread, few clients, none for long: of too many the oldest goes, and all go at the end.
#pragma once

#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "base/settings.hpp"
#include "base/status.hpp"
#include "net/listener.hpp"

namespace trefoil::net {

class LoadingDoor {
 public:
  // As the settings say; null without an http-port.
  static Result<std::unique_ptr<LoadingDoor>> open(const Settings& settings);
  ~LoadingDoor();  // closes
  LoadingDoor(const LoadingDoor&) = delete;
  LoadingDoor& operator=(const LoadingDoor&) = delete;

  std::vector<Listener> close();

 private:
  class Client;
  explicit LoadingDoor(const Settings& settings) : settings_(settings) {}
  void run();
  void accept(const Listener& listener, std::list<Client>& clients) const;

  const Settings& settings_;
  std::vector<Listener> listeners_;
  int event_ = -1;  // it is time to end
  std::thread thread_;
};

}  // namespace trefoil::net
