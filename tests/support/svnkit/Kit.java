// SPDX-License-Identifier: GPL-3.0-or-later
// The commands of SVNKit, the library with which Jenkins, Eclipse and IntelliJ speak Subversion: one a line.

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.util.Date;
import org.tmatesoft.svn.core.*;
import org.tmatesoft.svn.core.internal.io.dav.DAVRepositoryFactory;
import org.tmatesoft.svn.core.internal.wc.DefaultSVNOptions;
import org.tmatesoft.svn.core.wc.*;

public class Kit {
    static final SVNDepth ALL = SVNDepth.INFINITY;
    static final SVNRevision HEAD = SVNRevision.HEAD, NONE = SVNRevision.UNDEFINED;

    // Arguments: name, password, directory of the configuration. Each line of the input is a command, its words parted
    // by tabs; the answer is a line that begins with "ok" or "error".
    public static void main(String[] given) throws Exception {
        DAVRepositoryFactory.setup();
        DefaultSVNOptions options = new DefaultSVNOptions(new File(given[2]), true);
        SVNClientManager svn = SVNClientManager.newInstance(options, given[0], given[1]);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String said;
            try {
                said = "ok " + run(svn, line.split("\t", -1));
            } catch (SVNException error) {
                said = "error " + error.getErrorMessage().getFullMessage();
            }
            System.out.write((said.replace("\n", "\\n") + "\n").getBytes("UTF-8"));
            System.out.flush();
        }
    }

    static String run(SVNClientManager svn, String[] words) throws SVNException {
        String first = words[1], second = words.length > 2 ? words[2] : "";
        switch (words[0]) {
            case "checkout":
                return "" + svn.getUpdateClient().doCheckout(url(first), file(second), NONE, HEAD, ALL, false);
            case "export":
                return "" + svn.getUpdateClient().doExport(url(first), file(second), NONE, HEAD, "\n", true, ALL);
            case "update":
                return "" + svn.getUpdateClient().doUpdate(file(first), HEAD, ALL, false, false);
            case "switch":
                return "" + svn.getUpdateClient().doSwitch(file(first), url(second), NONE, HEAD, ALL, false, false);
            case "add":
                svn.getWCClient().doAdd(file(first), false, false, false, ALL, false, true);
                return "";
            case "delete":
                svn.getCommitClient().doDelete(new SVNURL[] {url(first)}, second);
                return "";
            case "schedule-delete":
                svn.getWCClient().doDelete(file(first), true, false);
                return "";
            case "mkdir":
                return "" + svn.getCommitClient().doMkDir(new SVNURL[] {url(first)}, second).getNewRevision();
            case "commit":
                return "" + svn.getCommitClient().doCommit(
                    new File[] {file(first)}, false, second, null, null, false, false, ALL).getNewRevision();
            case "copy":
            case "move":
                SVNCopySource[] sources = {new SVNCopySource(HEAD, HEAD, url(first))};
                return "" + svn.getCopyClient().doCopy(
                    sources, url(second), words[0].equals("move"), false, true, "copied", null).getNewRevision();
            case "propset":
                svn.getWCClient().doSetProperty(
                    file(first), second, SVNPropertyValue.create(words[3]), false, SVNDepth.EMPTY, null, null);
                return "";
            case "propget":
                return SVNPropertyValue.getPropertyAsString(
                    svn.getWCClient().doGetProperty(url(first), second, HEAD, HEAD).getValue());
            case "revprop":
                svn.getWCClient().doSetRevisionProperty(
                    url(first), SVNRevision.create(1), second, SVNPropertyValue.create(words[3]), true, null);
                return "";
            case "lock":
                svn.getWCClient().doLock(new File[] {file(first)}, false, second);
                return "";
            case "unlock":
                svn.getWCClient().doUnlock(new File[] {file(first)}, false);
                return "";
            case "cat":
                ByteArrayOutputStream content = new ByteArrayOutputStream();
                svn.getWCClient().doGetFileContents(url(first), HEAD, HEAD, false, content);
                return content.toString();
            case "info":
                SVNInfo info = svn.getWCClient().doInfo(url(first), HEAD, HEAD);
                return info.getURL() + " " + info.getRevision() + " " + info.getLock();
            case "log":
                StringBuilder log = new StringBuilder();
                svn.getLogClient().doLog(url(first), null, HEAD, HEAD, SVNRevision.create(1), false, true, 0,
                    entry -> log.append(entry.getRevision() + " " + entry.getAuthor() + " " + entry.getMessage() + ";"));
                return log.toString();
            case "list":
                StringBuilder list = new StringBuilder();
                svn.getLogClient().doList(url(first), HEAD, HEAD, true, true,
                    entry -> list.append(entry.getRelativePath() + ";"));
                return list.toString();
            case "annotate":
                StringBuilder lines = new StringBuilder();
                svn.getLogClient().doAnnotate(url(first), HEAD, SVNRevision.create(1), HEAD, new Lines(lines));
                return lines.toString();
            case "diff":
                ByteArrayOutputStream diff = new ByteArrayOutputStream();
                svn.getDiffClient().doDiff(url(first), SVNRevision.create(Long.parseLong(second) - 1), url(first),
                    SVNRevision.create(Long.parseLong(second)), ALL, false, diff);
                return diff.toString();
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    static class Lines implements ISVNAnnotateHandler {
        private final StringBuilder lines;

        Lines(StringBuilder lines) {
            this.lines = lines;
        }

        public void handleLine(Date date, long revision, String author, String line) {
            lines.append(revision + " " + author + " " + line + ";");
        }

        public void handleLine(Date date, long revision, String author, String line, Date mergedDate,
                long mergedRevision, String mergedAuthor, String mergedPath, int number) {
            handleLine(date, revision, author, line);
        }

        public boolean handleRevision(Date date, long revision, String author, File contents) {
            return false;
        }

        public void handleEOF() {
        }
    }

    static File file(String name) {
        return new File(name);
    }

    static SVNURL url(String text) throws SVNException {
        return SVNURL.parseURIEncoded(text);
    }
}
