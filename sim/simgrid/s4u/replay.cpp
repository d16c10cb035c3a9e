// Replays plans in SimGrid: an independent oracle for our simulator, and what it is timed against. It speaks SimGrid's S4U interface
// (Debian: libsimgrid-dev 3.32) and uses no actors: every computation and transfer is an activity, started from the completion of
// the one before, which is the fastest way that SimGrid offers (an actor per request with a mutex per cluster is less than half as fast).
//
// Usage: replay JOB [--cfg=...]   JOB is written by WriteJob in job.go, which documents the format.
// Prints the latency of every request in seconds, one a line, and after them: "# REQUESTS MEAN CPU_SECONDS WALL_SECONDS MAX_RSS_KB".
// The seconds are those of the simulation alone, without reading the job and building the platform.
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace s4u = simgrid::s4u;

struct Op {
  bool send = false;
  int node = 0, cluster = 0; // computation
  double amount = 0;         // seconds of work, or bytes
  int from = 0, to = 0;      // transfer
  double delay = 0;          // seconds from the last byte to arrival
  int waits = 0;
  std::vector<int> next; // ascending
};

using Plan = std::vector<Op>;

struct Request {
  const Plan* plan = nullptr;
  double arrival = 0, latency = -1;
  int left = 0;
  std::vector<int> waits;
};

struct Step { // an op of a request
  int request, op;
};

struct Activity {
  Step step;
  s4u::ActivityPtr activity;
};

struct Cluster {
  s4u::Host* host = nullptr;
  bool busy       = false;
  std::deque<Step> queue;
};

static std::vector<s4u::Host*> nodes;
static std::vector<std::vector<Cluster>> clusters;
static std::vector<Plan> plans;
static std::vector<Request> requests;
static std::unordered_map<const s4u::Activity*, Activity> running;
static std::vector<s4u::ActivityPtr> ended; // kept until it is safe to free them

static void start(Step s);

static const Op& op_of(Step s) { return (*requests[s.request].plan)[s.op]; }

static void done(Step s)
{
  Request& r = requests[s.request];
  for (int n : op_of(s).next)
    if (--r.waits[n] == 0)
      start({s.request, n});
  if (--r.left == 0)
    r.latency = s4u::Engine::get_clock() - r.arrival;
}

static void launch(Step s, const s4u::ActivityPtr& a)
{
  running.emplace(a.get(), Activity{s, a});
  a->vetoable_start();
}

static void compute(Step s)
{
  Cluster& c = clusters[op_of(s).node][op_of(s).cluster];
  c.busy     = true;
  launch(s, s4u::Exec::init()->set_flops_amount(op_of(s).amount * 1e9)->set_host(c.host));
}

static void start(Step s)
{
  const Op& o = op_of(s);
  if (o.send) {
    auto m = s4u::Comm::sendto_init(nodes[o.from], nodes[o.to]);
    m->set_payload_size(static_cast<uint64_t>(o.amount));
    launch(s, m);
  } else if (Cluster& c = clusters[o.node][o.cluster]; c.busy) {
    c.queue.push_back(s);
  } else {
    compute(s);
  }
}

static void completed(const s4u::Activity& a)
{
  auto it = running.find(&a);
  if (it == running.end())
    return;
  Step s = it->second.step;
  ended.push_back(it->second.activity);
  running.erase(it);
  const Op& o = op_of(s);
  if (o.send && o.delay > 0) {
    simgrid::kernel::timer::Timer::set(s4u::Engine::get_clock() + o.delay, [s] { done(s); });
    return;
  }
  if (not o.send) {
    Cluster& c = clusters[o.node][o.cluster];
    c.busy     = false;
    if (not c.queue.empty()) {
      Step n = c.queue.front();
      c.queue.pop_front();
      compute(n);
    }
  }
  done(s);
}

static void arrive(int i)
{
  ended.clear();
  Request& r = requests[i];
  r.left     = static_cast<int>(r.plan->size());
  for (const Op& o : *r.plan)
    r.waits.push_back(o.waits);
  for (int k = 0; k < static_cast<int>(r.plan->size()); k++)
    if ((*r.plan)[k].waits == 0)
      start({i, k});
  if (i + 1 < static_cast<int>(requests.size()))
    simgrid::kernel::timer::Timer::set(requests[i + 1].arrival, [i] { arrive(i + 1); });
}

template <class T> static T get(std::istream& in)
{
  T value;
  if (not(in >> value)) {
    fprintf(stderr, "replay: the job ends too early or holds something else than a number\n");
    exit(2);
  }
  return value;
}

static void read_platform(std::istream& in)
{
  auto* zone = s4u::create_full_zone("platform");
  std::vector<s4u::Link*> links(get<int>(in));
  for (size_t i = 0; i < links.size(); i++) {
    double capacity = get<double>(in);
    links[i]        = zone->create_link("link" + std::to_string(i), capacity)->set_latency(get<double>(in))->seal();
  }
  nodes.resize(get<int>(in));
  for (size_t j = 0; j < nodes.size(); j++) {
    std::string name = "node" + std::to_string(j);
    nodes[j]         = zone->create_host(name, 1e9)->seal();
    clusters.emplace_back(get<int>(in));
    for (Cluster& c : clusters[j])
      c.host = zone->create_host(name + "cluster" + std::to_string(&c - clusters[j].data()), 1e9)->seal();
  }
  for (int i = get<int>(in); i > 0; i--) {
    int from = get<int>(in), to = get<int>(in);
    std::vector<s4u::LinkInRoute> route;
    for (int k = get<int>(in); k > 0; k--)
      route.emplace_back(links[get<int>(in)]);
    zone->add_route(nodes[from]->get_netpoint(), nodes[to]->get_netpoint(), nullptr, nullptr, route, false);
  }
  zone->seal();
}

static void read_plans(std::istream& in)
{
  plans.resize(get<int>(in));
  for (Plan& plan : plans) {
    plan.resize(get<int>(in));
    for (size_t i = 0; i < plan.size(); i++) {
      Op& o  = plan[i];
      o.send = get<char>(in) == 's';
      (o.send ? o.from : o.node)  = get<int>(in);
      (o.send ? o.to : o.cluster) = get<int>(in);
      o.amount                    = get<double>(in);
      if (o.send)
        o.delay = get<double>(in);
      o.waits = get<int>(in);
      for (int k = o.waits; k > 0; k--)
        plan[get<int>(in)].next.push_back(static_cast<int>(i));
    }
  }
}

static double cpu_seconds(const rusage& u)
{
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + 1e-6 * (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char** argv)
{
  s4u::Engine engine(&argc, argv);
  s4u::Engine::set_config("network/model:CM02");
  s4u::Engine::set_config("network/TCP-gamma:0");
  s4u::Engine::set_config("network/crosstraffic:0");
  std::ifstream in(argc > 1 ? argv[1] : "");
  read_platform(in);
  read_plans(in);
  requests.resize(get<int>(in));
  for (Request& r : requests) {
    r.arrival = get<double>(in);
    r.plan    = &plans[get<int>(in)];
  }
  s4u::Activity::on_completion_cb(completed);
  if (not requests.empty())
    simgrid::kernel::timer::Timer::set(requests[0].arrival, [] { arrive(0); });

  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  auto from = std::chrono::steady_clock::now();
  engine.run();
  auto to = std::chrono::steady_clock::now();
  getrusage(RUSAGE_SELF, &after);

  double sum = 0;
  for (const Request& r : requests) {
    printf("%.9f\n", r.latency);
    sum += r.latency;
  }
  printf("# %zu %.9f %.6f %.6f %ld\n", requests.size(), requests.empty() ? 0 : sum / requests.size(), cpu_seconds(after) - cpu_seconds(before),
         std::chrono::duration<double>(to - from).count(), after.ru_maxrss);
  return 0;
}
