"""Reading and writing text files of a task's desk.

The only place that uses langchain-community: its file tools keep every path inside one folder
(`..`, absolute paths and links that lead out are refused).
"""

from __future__ import annotations

from langchain_community.agent_toolkits import FileManagementToolkit
from langchain_core.tools import BaseTool, tool

from tools.situation import Situation, workspace_of


def _community_tool(runtime: Situation, name: str) -> BaseTool:
    folder = workspace_of(runtime).files
    folder.mkdir(parents=True, exist_ok=True)
    (found,) = FileManagementToolkit(root_dir=str(folder), selected_tools=[name]).get_tools()
    return found


@tool
def write_file(path: str, text: str, runtime: Situation) -> str:
    """Write a text file, replacing what was there.

    Args:
        path: relative to your desk, such as `draft/prepare.py` or `package/metric.py`.
        text: the whole content.
    """
    return str(_community_tool(runtime, "write_file").invoke({"file_path": path, "text": text}))


@tool
def read_file(path: str, runtime: Situation) -> str:
    """Read a text file.

    Args:
        path: relative to your desk, such as `draft/prepare.py`.
    """
    return str(_community_tool(runtime, "read_file").invoke({"file_path": path}))


@tool
def list_directory(runtime: Situation, path: str = ".") -> str:
    """List a folder.

    Args:
        path: relative to your desk.
    """
    return str(_community_tool(runtime, "list_directory").invoke({"dir_path": path}))
