// What most files include one way or another, parsed once by a g++ that compiles everything: a
// third of its time. Files include what they use all the same: with ccache this is not used. Only
// the command line includes it, once.
#include "base/result.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
