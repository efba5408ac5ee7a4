package io.diskengine.spdkrpc;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts the calls sent, per method. */
public final class RpcCounts implements RpcListener {
  private final Map<String, LongAdder> sent = new ConcurrentHashMap<>();

  @Override
  public void onSent(RpcCall<?> call) {
    sent.computeIfAbsent(call.request().method(), _ -> new LongAdder()).increment();
  }

  /** Calls sent so far by method, sorted. */
  public Map<String, Long> snapshot() {
    var counts = new TreeMap<String, Long>();
    sent.forEach((method, count) -> counts.put(method, count.sum()));
    return counts;
  }

  public long total() {
    return sent.values().stream().mapToLong(LongAdder::sum).sum();
  }
}
