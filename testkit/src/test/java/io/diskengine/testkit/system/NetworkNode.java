package io.diskengine.testkit.system;

import io.diskengine.testkit.process.ChildProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A network namespace with one cable to this machine's own: what runs in it has an address of its
 * own, which is reached until the cable is cut. Nothing ends when it is cut; packets just vanish.
 */
final class NetworkNode implements AutoCloseable {
  private static final Duration WITHIN = Duration.ofSeconds(10);

  private final String namespace;
  private final String here;
  private final String address;

  /**
   * @param number 1-250, of the network 10.213.{@code number}.0/30; names and addresses follow
   */
  NetworkNode(int number) {
    namespace = "diskengine-" + number;
    here = "de" + number + "a";
    String there = "de" + number + "b";
    address = "10.213." + number + ".2";
    close(); // what a killed test left
    ip("netns add " + namespace);
    ip("link add " + here + " type veth peer name " + there + " netns " + namespace);
    ip("addr add 10.213." + number + ".1/30 dev " + here);
    ip("link set " + here + " up");
    ip("-n " + namespace + " addr add " + address + "/30 dev " + there);
    ip("-n " + namespace + " link set " + there + " up");
    ip("-n " + namespace + " link set lo up");
  }

  private static void ip(String words) {
    List<String> command = new ArrayList<>(List.of("ip"));
    command.addAll(List.of(words.split(" ")));
    ChildProcess.run(WITHIN, command);
  }

  /** Of what runs inside. */
  String address() {
    return address;
  }

  /** The command, inside. */
  List<String> inside(List<String> command) {
    List<String> inside = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    inside.addAll(command);
    return inside;
  }

  /** From now on no packet arrives on either side. */
  void cut() {
    ip("link set " + here + " down");
  }

  void mend() {
    ip("link set " + here + " up");
  }

  /** What runs inside must have ended before; the cable goes with the namespace. */
  @Override
  public void close() {
    String all = ChildProcess.run(WITHIN, List.of("ip", "netns", "list"));
    if (all.lines().anyMatch(l -> l.split(" ")[0].equals(namespace))) {
      ip("netns del " + namespace);
    }
  }
}
