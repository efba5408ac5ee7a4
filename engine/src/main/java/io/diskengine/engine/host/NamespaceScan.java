package io.diskengine.engine.host;

import io.diskengine.nvme.IdentifyCommand;
import io.diskengine.nvme.NamespaceList;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads a controller's active namespaces (Identify CNS 02h, then 00h and 03h of each). A failure of
 * a list closes the admin queue; a namespace that vanishes meanwhile is left out.
 */
final class NamespaceScan {
  /** By nsid. */
  record Found(SortedMap<Integer, NamespaceData> byNsid) {}

  /** Gets the namespaces; not called when the admin queue was closed. */
  interface Done {
    void found(Found namespaces);
  }

  private final AdminQueue admin;
  private final String subnqn;
  private final Done done;
  private final List<Integer> nsids = new ArrayList<>();
  private final SortedMap<Integer, NamespaceData> found = new TreeMap<>();
  private int next;
  private int pending;

  NamespaceScan(AdminQueue admin, String subnqn, Done done) {
    this.admin = admin;
    this.subnqn = subnqn;
    this.done = done;
  }

  void start() {
    list(0);
  }

  private void list(int after) {
    admin.identify(
        IdentifyCommand.CNS_ACTIVE_NAMESPACE_LIST,
        IdentifyCommand.CSI_NVM,
        after,
        read -> {
          if (read == 0) {
            admin.close("Identify Active Namespace List failed");
            return;
          }
          int entries = NamespaceList.entries(read);
          int last = after;
          for (int i = 0; i < entries; i++) {
            int nsid = NamespaceList.nsid(read, i);
            if (Integer.compareUnsigned(nsid, last) <= 0) {
              admin.close("the active namespace list is not ascending");
              return;
            }
            last = nsid;
            nsids.add(nsid);
          }
          if (entries == NamespaceList.MAX_ENTRIES && nsids.size() < NvmeHost.MOST_NAMESPACES) {
            list(last);
          } else {
            pump();
          }
        });
  }

  /** A few at a time. */
  private void pump() {
    while (pending < AdminQueue.DEPTH / 4 && next < nsids.size()) {
      pending++;
      identify(nsids.get(next++));
    }
    if (pending == 0) {
      done.found(new Found(found));
    }
  }

  private void identify(int nsid) {
    One one = new One(nsid);
    admin.identify(
        IdentifyCommand.CNS_NAMESPACE_ID_DESCRIPTORS, IdentifyCommand.CSI_NVM, nsid, one::named);
    admin.identify(IdentifyCommand.CNS_NAMESPACE, IdentifyCommand.CSI_NVM, nsid, one::described);
  }

  /** A namespace that both questions were asked about. */
  private final class One {
    private final int nsid;
    private @Nullable UUID uuid;
    private @Nullable NamespaceData data;
    private int missing = 2;

    One(int nsid) {
      this.nsid = nsid;
    }

    void named(long read) {
      uuid = read == 0 ? null : NamespaceData.uuid(read);
      answered();
    }

    void described(long read) {
      data = read == 0 ? null : NamespaceData.read(nsid, subnqn, read);
      answered();
    }

    private void answered() {
      if (--missing > 0) {
        return;
      }
      NamespaceData described = data;
      if (described != null) {
        found.put(nsid, uuid == null ? described : described.named(uuid));
      }
      pending--;
      if (!admin.closed()) {
        pump();
      }
    }
  }
}
