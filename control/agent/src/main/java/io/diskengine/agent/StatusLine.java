package io.diskengine.agent;

import io.diskengine.agent.AgentStatus.State;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An agent's state as it is told to people: once for each change. */
final class StatusLine {
  private static final Logger LOG = LoggerFactory.getLogger(StatusLine.class);

  /** The number of a request differs from try to try; what it says is the same. */
  private static final Pattern REQUEST_ID = Pattern.compile(" \\(id \\d+\\)");

  private final String node;
  private final Consumer<AgentStatus> onStatus;
  private AgentStatus last = new AgentStatus(State.WAITING, "not started");

  StatusLine(String node, Consumer<AgentStatus> onStatus) {
    this.node = node;
    this.onStatus = onStatus;
  }

  void tell(State state, String detail) {
    AgentStatus now = new AgentStatus(state, essence(detail));
    if (!now.equals(last)) {
      boolean changed = now.state() != last.state();
      last = now;
      if (changed) {
        LOG.info("agent {} is {}: {}", node, state, now.detail());
      }
      onStatus.accept(now);
    }
  }

  AgentStatus last() {
    return last;
  }

  /** The same text for every try that fails in the same way. */
  static String essence(String detail) {
    return REQUEST_ID.matcher(detail).replaceAll("");
  }
}
